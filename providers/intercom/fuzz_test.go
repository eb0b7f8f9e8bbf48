package intercom_test

import (
	"net/http"
	"strconv"
	"testing"
	"time"

	"github.com/underlimit/underlimit/bucket"
	"github.com/underlimit/underlimit/internal/field"
	"github.com/underlimit/underlimit/providers"
	"github.com/underlimit/underlimit/providers/intercom"
)

// FuzzRefusals looks for a refusal that holds back more than one of the app, the workspace and the resource, or for longer
// than it says, or that holds anything back for the sake of a job.
func FuzzRefusals(f *testing.F) {
	for _, body := range []string{
		"", "{}", "null", `{"errors":[{"code":"rate_limit_exceeded","message":"Exceeded rate limit of 166 in 10_seconds"}]}`,
		`{"errors":[{"code":"too_many_requests"}]}`, `{"errors":[null,{"message":"5 pending reporting dataset export jobs"}]}`,
	} {
		f.Add("GET", "/contacts", "166", "0", int64(5), "", []byte(body))
		f.Add("POST", "/export/content/data", "166", "7", int64(-5), "2", []byte(body))
		f.Add("POST", "/export/reporting_data/enqueue", "", "", int64(1<<40), "1e9", []byte(body))
	}
	p := intercom.New(&intercom.Options{WorkspaceKey: func(*http.Request) string { return "one" }})
	f.Fuzz(func(t *testing.T, method, path, limit, remaining string, ahead int64, retryAfter string, body []byte) {
		req := request(http.MethodGet, "https://api.intercom.io/")
		req.Method, req.URL.Path = method, path
		call, ok := p.Classify(req, time.Time{})
		if !ok {
			t.Fatal("it is not claimed")
		}
		h := limits(limit, remaining, strconv.FormatInt(date.Unix()+ahead, 10))
		if retryAfter != "" {
			h.Set("Retry-After", retryAfter)
		}
		v := p.Judge(req, &call, &providers.Answer{Status: 429, Header: h, Body: body, Received: received})
		blocks, windows := 0, 0
		for _, u := range v.Updates {
			switch u := bucket.Value(u).(type) {
			case bucket.Block:
				blocks++
				told, _ := field.RetryAfter(h, time.Second, received)
				if longest := max(told, 62*time.Second); u.For > longest {
					t.Errorf("it holds back for %v, want at most %v", u.For, longest)
				}
			case bucket.Window:
				windows++
				if u.Key == call.Draws[2].Key || u.Doubt > 1 || u.Doubt < 0 {
					t.Errorf("it tells of a window %+v", u)
				}
			}
		}
		if want := map[bool]int{false: 1, true: 0}[v.Final]; blocks != want || windows > 2 || !v.Refused {
			t.Errorf("%d blocks and %d windows, refused %t, final %t", blocks, windows, v.Refused, v.Final)
		}
		if v.Final != (v.Scope == providers.ScopeQuota) {
			t.Errorf("final is %t, of scope %q", v.Final, v.Scope)
		}
	})
}
