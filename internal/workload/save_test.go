package workload_test

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/underlimit/underlimit/bucket"
	"github.com/underlimit/underlimit/providers"
	"github.com/underlimit/underlimit/providers/discord"
	"github.com/underlimit/underlimit/providers/discord/discordtest"
	"github.com/underlimit/underlimit/providers/headers"
	"github.com/underlimit/underlimit/providers/slack"
	"github.com/underlimit/underlimit/providers/slack/slacktest"
	"github.com/underlimit/underlimit/transport"
)

// restart saves the registry of a client, and returns another client with one that was loaded from that.
func restart(
	t *testing.T, p providers.Provider, base http.RoundTripper, registry *bucket.Registry,
) (*http.Client, *bucket.Registry) {
	t.Helper()
	var file bytes.Buffer
	if err := registry.Save(&file); err != nil {
		t.Fatal(err)
	}
	for _, secret := range secrets {
		if strings.Contains(file.String(), secret) {
			t.Errorf("%q is in the file:\n%s", secret, &file)
		}
	}
	loaded := bucket.NewRegistry(nil)
	if err := loaded.Load(&file); err != nil {
		t.Fatal(err)
	}
	return &http.Client{Transport: transport.New(p, &transport.Options{Base: base, Buckets: loaded})}, loaded
}

// secrets are in the requests of the workloads that are saved.
var secrets = []string{
	"xoxb-secret", "Bot secret", "Bearer secret", "secret", "aWebhookSecret", "anInteractionSecret", "T0/B0/XYZ",
}

// A refusing fake is one in front of which the first request is refused.
type refusing struct {
	fake
	refused bool
}

// refuse refuses a request for so many seconds.
func refuse(req *http.Request, seconds string) *http.Response {
	if req.Body != nil {
		req.Body.Close()
	}
	return &http.Response{
		StatusCode: http.StatusTooManyRequests, Request: req,
		Body: io.NopCloser(strings.NewReader(`{"message":"limited","retry_after":` + seconds + `,"global":false}`)),
		Header: http.Header{
			"Retry-After": {seconds}, "Via": {"1.1 google"}, "Content-Type": {"application/json"},
			"X-Ratelimit-Bucket": {"hash"}, "X-Ratelimit-Scope": {"user"},
			"X-Ratelimit-Limit": {"5"}, "X-Ratelimit-Remaining": {"0"}, "X-Ratelimit-Reset-After": {seconds},
		},
	}
}

func (f *refusing) Transport() http.RoundTripper {
	base := f.fake.Transport()
	return roundTripper(func(req *http.Request) (*http.Response, error) {
		if f.refused {
			return base.RoundTrip(req)
		}
		f.refused = true
		return refuse(req, "30"), nil
	})
}

func TestTheWaitAfterASlackRefusalGoesOnAfterARestart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &refusing{fake: slacktest.NewServer(nil)}
		defer f.Close()
		c := posts(1, 1)[0]
		c.body = strings.ReplaceAll(c.body, "xoxb-test", "xoxb-secret")
		start := time.Now()
		client, registry := newClient(slack.New(nil), f)
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		if err := do(ctx, client, c); err == nil || !f.refused {
			t.Fatalf("%v, refused: %v", err, f.refused)
		}
		time.Sleep(12 * time.Second)
		client, registry = restart(t, slack.New(nil), f.Transport(), registry)
		if err := do(t.Context(), client, c); err != nil {
			t.Error(err)
		}
		if took := time.Since(start); took != 30*time.Second {
			t.Errorf("it went after %v, want 30 s", took)
		}
		clean(t, f, f.Report(), registry, 0)
	})
}

func TestTheDiscordGlobalLimitIsNotUsedAgainAfterARestart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := discordFake(discordtest.Options{})
		defer f.Close()
		calls := messages("/v10", 150, 1)
		for _, c := range calls {
			c.header.Set("Authorization", "Bot secret")
		}
		client, registry := newClient(discord.New(nil), f)
		if took := all(t, client, calls[:50]); took != roundTrip {
			t.Fatalf("50 calls took %v, want %v", took, roundTrip)
		}
		client, registry = restart(t, discord.New(nil), f.Transport(), registry)
		// The next fifty go a second after the answers, as the way has to be learned anew, and so do those behind them.
		if took := all(t, client, calls[50:]); took != time.Second+roundTrip+time.Second+roundTrip {
			t.Errorf("100 more took %v", took)
		}
		clean(t, f, f.Report(), registry, 0)
	})
}

func TestADiscordRestartInTheMiddleOfAWindowIsRefusedNoMoreThanACold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := discordFake(discordtest.Options{Global: -1})
		defer f.Close()
		client, registry := newClient(routesOnly(), f)
		all(t, client, messages("/v10", 1, 5)) // the whole window
		client, _ = restart(t, routesOnly(), f.Transport(), registry)
		all(t, client, messages("/v10", 1, 5))
		if refused := f.Report().Refused; refused != 1 {
			t.Errorf("%d calls were refused, want only the one that went ahead", refused)
		}
	})
}

func TestNoCredentialIsSaved(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := providers.Join(slack.New(nil), discord.New(nil), headers.New(nil))
		base := roundTripper(func(req *http.Request) (*http.Response, error) { return refuse(req, "60"), nil })
		registry := bucket.NewRegistry(nil)
		client := &http.Client{Transport: transport.New(p, &transport.Options{
			Base: base, Buckets: registry, MaxAttempts: 1,
		})}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second) // nobody waits for a block to end
		defer cancel()
		header := func(credential string) http.Header { return http.Header{"Authorization": {credential}} }
		for _, c := range []call{
			{url: "https://slack.com/api/users.list", header: header("Bearer xoxb-secret")},
			{url: "https://slack.com/api/users.info?token=xoxb-secret&user=U1"},
			{url: "https://hooks.slack.com/services/T0/B0/XYZ", body: `{"text":"hello"}`},
			{url: "https://discord.com/api/v10/channels/1/messages", header: header("Bot secret")},
			{url: "https://discord.com/api/v10/webhooks/123456789012345678/aWebhookSecret"},
			{url: "https://discord.com/api/v10/interactions/123456789012345678/anInteractionSecret/callback"},
			{url: "https://example.com/things", header: header("Bearer secret")},
			{url: "https://example.com/things?api_key=secret", header: http.Header{"X-Api-Key": {"secret"}}},
		} {
			c.method = http.MethodPost
			if err := do(ctx, client, c); err == nil {
				t.Errorf("%s was not refused", c.url)
			}
		}
		_, loaded := restart(t, p, base, registry)
		for _, name := range []string{"slack", "discord", "headers"} {
			got, want := loaded.Stats().Providers[name].Blocked, registry.Stats().Providers[name].Blocked
			if got != want || want < 2 {
				t.Errorf("%s: %d are blocked, want %d, and more than one", name, got, want)
			}
		}
	})
}
