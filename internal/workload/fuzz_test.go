package workload_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/underlimit/underlimit/bucket"
	"github.com/underlimit/underlimit/providers/discord"
	"github.com/underlimit/underlimit/transport"
)

// A nonsense is a server that answers as a script of bytes says, and with nothing remarkable once that has ended.
type nonsense struct {
	mu     sync.Mutex
	script []byte
	calls  int
}

func (n *nonsense) choose(of int) int {
	if len(n.script) == 0 {
		return 0
	}
	c := int(n.script[0])
	n.script = n.script[1:]
	return c % of
}

// The first of each is what is answered at the end.
var (
	nonsenseStatus  = []int{200, 429, 429, 429, 401, 403, 404, 500, 503, 202, 204, 0, 429}
	nonsenseNumbers = []string{
		"", "0", "1", "5", "-1", "NaN", "1e300", "0.25", "86400", "99999999999999999999", "x", "Sat, 01 Jan 2000 00:00:09 GMT",
	}
	nonsenseHashes = []string{"", "a", "b", "global", "egress", "reactions", strings.Repeat("x", 100)}
	nonsenseScopes = []string{"", "user", "shared", "global", "x"}
	nonsenseBodies = []string{
		"{}", `{"retry_after":2}`, `{"retry_after":1e999,"global":true}`, "<html>", "", `{"code":10015}`, `{"code":40333}`,
		`{"code":30046,"retry_after":7}`, `{"retry_after":{}}`, `[`, `{"code":30034,"retry_after":-5}`,
	}
)

func (n *nonsense) RoundTrip(req *http.Request) (*http.Response, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.calls++
	h := http.Header{}
	for _, name := range []string{
		"Retry-After", "X-Ratelimit-Limit", "X-Ratelimit-Remaining", "X-Ratelimit-Reset-After", "X-Ratelimit-Reset",
	} {
		if v := nonsenseNumbers[n.choose(len(nonsenseNumbers))]; v != "" {
			h.Set(name, v)
		}
	}
	if v := nonsenseHashes[n.choose(len(nonsenseHashes))]; v != "" {
		h.Set("X-Ratelimit-Bucket", v)
	}
	if v := nonsenseScopes[n.choose(len(nonsenseScopes))]; v != "" {
		h.Set("X-Ratelimit-Scope", v)
	}
	if n.choose(2) == 0 {
		h.Set("Via", "1.1 google")
	}
	status, body := nonsenseStatus[n.choose(len(nonsenseStatus))], nonsenseBodies[n.choose(len(nonsenseBodies))]
	if req.Body != nil {
		_ = req.Body.Close()
	}
	if status == 0 {
		return nil, errors.New("no answer")
	}
	return &http.Response{
		StatusCode: status, Header: h, Body: io.NopCloser(strings.NewReader(body)), Request: req,
		Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
	}, nil
}

// FuzzDiscordTransport has requests of all kinds answered with nonsense. Each of them ends, in time and after so many
// sendings at most; nothing is left behind; and no error shows a credential.
func FuzzDiscordTransport(f *testing.F) {
	for i := range 40 {
		seed := make([]byte, 120)
		for j := range seed {
			seed[j] = byte(i*31 + j*(i+7))
		}
		f.Add(seed)
	}
	const attempts, patience, secret = 4, 2 * time.Minute, "aWebhookSecret"
	f.Fuzz(func(t *testing.T, data []byte) {
		if len(data) > 1000 {
			return
		}
		synctest.Test(t, func(t *testing.T) {
			server := &nonsense{script: data}
			limits := transport.New(
				discord.New(&discord.Options{OmitAuthorization: server.choose(2) == 0, InvalidPer10Minutes: 8}),
				&transport.Options{Base: server, MaxAttempts: attempts, MaxWait: patience},
			)
			client := &http.Client{Transport: limits}
			kinds := [][]call{
				messages("/v10", 2, 2), messages("", 1, 2), newNames(1, 3), hook("1", 3), edits(1, 2),
				{answerTo(1), answerTo(2)},
				deletions(0, 2),
			}
			var wg sync.WaitGroup
			n := 0
			for _, calls := range kinds {
				for _, c := range calls {
					n++
					wg.Go(func() {
						start := time.Now()
						err := do(context.Background(), client, c)
						// Waits of a second attempt after a failure are no waits for a limit.
						if took := time.Since(start); took > patience+attempts*time.Minute {
							t.Errorf("%s ended after %v: %v", c.url, took, err)
						}
						var wait *bucket.WaitError
						if errors.As(err, &wait) && strings.Contains(wait.Error(), secret) {
							t.Errorf("the error shows a credential: %v", wait)
						}
					})
				}
			}
			wg.Wait()
			if server.calls > n*attempts {
				t.Errorf("%d calls were sent for %d requests, want at most %d each", server.calls, n, attempts)
			}
			idle(t, limits.Buckets())
		})
	})
}
