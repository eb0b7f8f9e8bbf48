//go:build !race

package transport_test

import (
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/underlimit/underlimit/bucket"
	"github.com/underlimit/underlimit/providers"
	"github.com/underlimit/underlimit/transport"
)

// thrifty is a provider that uses the memory it is lent.
type thrifty struct{ *api }

func (p thrifty) AppendClassify(draws []bucket.Draw, req *http.Request, now time.Time) (providers.Call, bool) {
	call, ok := p.Classify(req, now)
	call.Draws = append(draws, p.draws...)
	return call, ok
}

func (thrifty) Judge(_ *http.Request, call *providers.Call, _ *providers.Answer) providers.Verdict {
	room := call.GetRoom()
	room.Windows[0] = bucket.Window{Key: call.Draws[0].Key, Limit: 1 << 20, Remaining: 1 << 19, ResetAfter: time.Hour}
	room.Updates[0] = &room.Windows[0]
	return providers.Verdict{Updates: room.Updates[:1]}
}

// What is in memory is looked at where it is, and stays there for the caller.
func TestAnAnswerInMemoryIsLookedAtWithoutMore(t *testing.T) {
	text := strings.NewReader("skipped" + bodyOf(200))
	resp := &http.Response{
		StatusCode: 200, Header: http.Header{"Content-Type": {"application/json"}}, Body: io.NopCloser(text),
		ContentLength: int64(len(bodyOf(200))),
	}
	_, _ = text.Seek(int64(len("skipped")), io.SeekStart)
	req := request(t.Context(), http.MethodGet, nil)
	limits := transport.New(looking{thrifty{&api{draws: []bucket.Draw{openKey}, peek: true}}, t}, &transport.Options{
		Base: base(func(*http.Request) (*http.Response, error) { return resp, nil }),
	})
	n := testing.AllocsPerRun(100, func() {
		if _, err := limits.RoundTrip(req); err != nil {
			t.Error(err)
		}
	})
	if n != 0 {
		t.Errorf("it takes memory %v times", n)
	}
	want(t, roundTrip(limits, req), 200)
}

// looking is thrifty and wants to see a body.
type looking struct {
	thrifty
	t *testing.T
}

func (p looking) Judge(req *http.Request, call *providers.Call, a *providers.Answer) providers.Verdict {
	if string(a.Body) != bodyOf(200) {
		p.t.Errorf("it sees %q", a.Body)
	}
	return p.thrifty.Judge(req, call, a)
}

// The race detector has pools drop some of what they hold.
func TestARequestThatNeedNotWaitTakesNoMemory(t *testing.T) {
	resp := &http.Response{StatusCode: 200, Body: http.NoBody}
	req := request(t.Context(), http.MethodGet, nil)
	limits := transport.New(thrifty{&api{draws: []bucket.Draw{openKey}}}, &transport.Options{
		Base: base(func(*http.Request) (*http.Response, error) { return resp, nil }),
	})
	n := testing.AllocsPerRun(100, func() {
		if _, err := limits.RoundTrip(req); err != nil {
			t.Error(err)
		}
	})
	if n != 0 {
		t.Errorf("it takes memory %v times", n)
	}
}
