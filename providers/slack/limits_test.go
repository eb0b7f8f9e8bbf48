package slack_test

import (
	"bytes"
	"encoding/csv"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/underlimit/underlimit/bucket"
	"github.com/underlimit/underlimit/providers/slack"
)

// tier is the policy of so many a minute.
func tier(n int) bucket.Policy { return limit(n, (n+3)/4) }

func limit(n, burst int) bucket.Policy {
	return bucket.Policy{Quota: n, Window: time.Minute, Every: time.Minute / time.Duration(n), Burst: burst}
}

// policyOf returns the policy of the last draw of a method, which is the method's own.
func policyOf(t *testing.T, p *slack.Provider, method string) bucket.Policy {
	t.Helper()
	draws := classify(t, p, form(t, method, "channel", "C1")).Draws
	return *draws[len(draws)-1].Policy
}

func TestTheTableHasTheDocumentedMethods(t *testing.T) {
	if got, want := slack.Tiers(), map[int]int{0: 11, 1: 15, 2: 199, 3: 117, 4: 36}; !maps.Equal(got, want) {
		t.Errorf("by tier %v, want %v", got, want)
	}
	if n := len(slack.Methods()); n != 378 {
		t.Errorf("%d methods, want 378", n)
	}
	var posting []string
	for m, effect := range slack.Methods() {
		if effect == "post" {
			posting = append(posting, m)
		}
	}
	slices.Sort(posting)
	want := []string{
		"chat.meMessage", "chat.postEphemeral", "chat.postMessage", "chat.startStream",
		"files.completeUploadExternal", "files.remote.share", "files.upload",
	}
	if !slices.Equal(posting, want) {
		t.Errorf("messages are posted by %v", posting)
	}
}

func TestTheTableIsWellFormed(t *testing.T) {
	r := csv.NewReader(bytes.NewBufferString(slack.MethodsCSV))
	r.Comment, r.FieldsPerRecord = '#', 7
	rows, err := r.ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	names := []string{}
	for _, row := range rows[1:] {
		names = append(names, row[0])
		if !strings.Contains("1 2 3 4 special unknown", row[1]) || !strings.Contains("read write post", row[4]) {
			t.Errorf("row %v", row)
		}
	}
	if !slices.IsSorted(names) || len(slices.Compact(names)) != 378 {
		t.Error("the methods are not sorted, or one is there twice")
	}
}

func TestTheLimitsAreThoseThatSlackDocuments(t *testing.T) {
	p := slack.New(nil)
	for method, want := range map[string]bucket.Policy{
		"rtm.connect":                       tier(1),
		"users.list":                        tier(20),
		"conversations.history":             tier(50),
		"users.info":                        tier(100),
		"chat.postMessage":                  tier(300),
		"assistant.threads.setStatus":       tier(600),
		"admin.analytics.messages.metadata": limit(1200, 2000),
		"assistant.search.context":          tier(10),
		"auth.test":                         tier(600),
		"blocks.validate":                   tier(20),
		"users.profile.set":                 tier(50),
	} {
		if got := policyOf(t, p, method); got != want {
			t.Errorf("%s: %+v, want %+v", method, got, want)
		}
	}
	for _, tt := range []struct {
		method, target string
		want           bucket.Policy
	}{
		{http.MethodGet, "https://api.slack.com/audit/v1/logs", tier(50)},
		{http.MethodGet, "https://api.slack.com/apps", bucket.Policy{}},
		{http.MethodPost, "https://files.slack.com/upload/v1/abc", bucket.Policy{}},
	} {
		call := classify(t, p, bearer(t, tt.method, tt.target, ""))
		if d := call.Draws[0]; len(call.Draws) != 1 || *d.Policy != tt.want {
			t.Errorf("%s %s: %+v with %+v", tt.method, tt.target, d.Key, *d.Policy)
		}
	}
}

func TestMethodsOfOneLimitShareOnePolicy(t *testing.T) {
	p := slack.New(nil)
	a, b := classify(t, p, form(t, "users.list")), classify(t, p, form(t, "no.such.method"))
	if a.Draws[0].Policy != b.Draws[0].Policy {
		t.Error("each has its own")
	}
}

func TestChannelsArePacedBesideTheMethod(t *testing.T) {
	for _, tt := range []struct {
		opts *slack.Options
		want bucket.Policy
	}{
		{nil, bucket.Policy{Every: time.Second, Burst: 1}},
		{&slack.Options{ChannelEvery: 1200 * time.Millisecond}, bucket.Policy{Every: 1200 * time.Millisecond, Burst: 1}},
		{&slack.Options{ChannelBurst: 4}, bucket.Policy{Every: time.Second, Burst: 4}},
		{&slack.Options{ChannelEvery: -1}, bucket.Policy{}},
	} {
		p := slack.New(tt.opts)
		post := classify(t, p, form(t, "chat.postMessage", "channel", "C1")).Draws[0]
		if *post.Policy != tt.want {
			t.Errorf("%+v: %+v, want %+v", tt.opts, *post.Policy, tt.want)
		}
		other := classify(t, p, form(t, "chat.meMessage", "channel", "C1"))
		if other.Draws[0] != post || *other.Draws[2].Policy != tier(50) {
			t.Errorf("%+v: another method draws on %+v", tt.opts, other.Draws)
		}
		hook := classify(t, p, request(t, "POST", "https://hooks.slack.com/services/T/B/x", "{}")).Draws[0]
		if *hook.Policy != tt.want {
			t.Errorf("%+v: a webhook %+v, want %+v", tt.opts, *hook.Policy, tt.want)
		}
	}
}

func TestLimitsCanBeOverridden(t *testing.T) {
	p := slack.New(&slack.Options{
		Limits: map[string]slack.Limit{
			"conversations.history": {PerMinute: 1},
			"users.list":            {Burst: 2},
			"users.info":            {PerMinute: -1},
			"my.method":             {PerMinute: 7},
			"my.other":              {Burst: 3},
			"not a method":          {PerMinute: 7},
			"webhook":               {PerMinute: 30, Burst: 1},
			"audit":                 {PerMinute: 40},
			"files":                 {PerMinute: 90},
			"other":                 {PerMinute: 10},
		},
		Tiers:              map[int]slack.Limit{3: {PerMinute: 170, Burst: 5}, 2: {PerMinute: 40}},
		WorkspacePerMinute: 500,
	})
	for method, want := range map[string]bucket.Policy{
		"conversations.history": limit(1, 1),
		"conversations.replies": limit(170, 5),
		"users.profile.set":     limit(170, 5), // and its narrower limits
		"users.list":            limit(40, 2),
		"users.info":            {},
		"users.conversations":   limit(170, 5),
		"chat.postMessage":      tier(500),
		"my.method":             tier(7),
		"my.other":              limit(10, 3),
		"no.such.method":        tier(10),
	} {
		if got := policyOf(t, p, method); got != want {
			t.Errorf("%s: %+v, want %+v", method, got, want)
		}
	}
	for target, want := range map[string]bucket.Policy{
		"https://hooks.slack.com/services/T/B/x": limit(30, 1),
		"https://api.slack.com/audit/v1/logs":    tier(40),
		"https://files.slack.com/upload/v1/abc":  tier(90),
	} {
		if got := *classify(t, p, request(t, "POST", target, "")).Draws[0].Policy; got != want {
			t.Errorf("%s: %+v, want %+v", target, got, want)
		}
	}
	if call := classify(t, p, form(t, "my.method")); call.Route != "my.method" || call.Draws[0].Key.Subject != "" {
		t.Errorf("a method of the user's own: %+v", call)
	}
}

func TestNamesOfOtherLimitsAreNoMethods(t *testing.T) {
	limits := map[string]slack.Limit{}
	for _, n := range []string{
		"post", "other", "webhook", "trigger", "response", "files", "audit", "scim.read", "scim.users.put",
		"users.profile.set.user", "users.profile.set.token", "assistant.search.context.user",
	} {
		limits[n] = slack.Limit{PerMinute: 7}
	}
	p := slack.New(&slack.Options{Limits: limits})
	for n := range limits {
		if call := classify(t, p, form(t, n)); call.Route != "other" || call.Draws[0].Key.Limit != "other" {
			t.Errorf("%s: %v", n, keys(call))
		}
	}
}

func TestTheCapOfAWorkspaceCanBeLifted(t *testing.T) {
	p := slack.New(&slack.Options{WorkspacePerMinute: -1})
	if got := policyOf(t, p, "chat.postMessage"); got != (bucket.Policy{}) {
		t.Errorf("%+v", got)
	}
}

func BenchmarkNew(b *testing.B) {
	for b.Loop() {
		slack.New(nil)
	}
}
