package transport_test

import (
	"context"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/underlimit/underlimit/bucket"
	"github.com/underlimit/underlimit/internal/memnet"
	"github.com/underlimit/underlimit/providers"
	"github.com/underlimit/underlimit/transport"
)

// api is a provider whose servers say in plain fields what is to become of a request:
//
//	Refused: 5s      a limit refused it, for so long; "untold" does not say for how long
//	Final: yes       sending it again is of no use
//	Limit: 7         what a window of ten seconds holds; all of it is left
//	Invalid: yes     it is charged to a quota of what goes wrong
//	Blocked: 5s      nobody may go for so long, whatever became of this request
//
// A body that begins with "refused" means the same as Refused: 1s.
type api struct {
	draws  []bucket.Draw // nil: one on apiKey, of which nothing is documented
	none   bool          // requests draw on nothing
	repeat providers.Repeat
	peek   bool // ask for successful answers
	read   bool // read what requests carry
	unread bool // say that nobody did
	omit   []string
	points bool // at its blocks
}

var (
	apiKey  = bucket.Key{Provider: "api", Limit: "all", Owner: "me"}
	openKey = bucket.Draw{Key: apiKey, Policy: &bucket.Policy{}} // holds nobody back unless blocked
)

func (*api) Name() string { return "api" }

func (p *api) Classify(req *http.Request, _ time.Time) (providers.Call, bool) {
	if p.read && req.GetBody != nil {
		if body, err := req.GetBody(); err == nil {
			_, _ = io.Copy(io.Discard, body)
			_ = body.Close()
		}
	}
	if req.URL.Host == "elsewhere.test" {
		return providers.Call{}, false
	}
	call := providers.Call{
		Provider: "api", Route: req.URL.Path, Draws: p.draws, Repeat: p.repeat, Peek: p.peek, Omit: p.omit,
		BodyUnread: p.unread,
	}
	if call.Draws == nil && !p.none {
		call.Draws = []bucket.Draw{{Key: apiKey}}
	}
	return call, true
}

func (p *api) Judge(_ *http.Request, call *providers.Call, a *providers.Answer) (v providers.Verdict) {
	key := apiKey
	if len(call.Draws) > 0 {
		key = call.Draws[0].Key
	}
	refused := a.Header.Get("Refused")
	if strings.HasPrefix(string(a.Body), "refused") {
		refused = "1s"
	}
	switch d, err := time.ParseDuration(refused); {
	case err == nil:
		v.Updates = append(v.Updates, bucket.Block{Key: key, For: d})
		fallthrough
	case refused != "":
		v.Refused, v.Scope = true, providers.ScopeUser
	}
	if d, err := time.ParseDuration(a.Header.Get("Blocked")); err == nil {
		v.Updates = append(v.Updates, bucket.Block{Key: key, For: d})
	}
	if n := a.Header.Get("Limit"); n != "" {
		v.Updates = append(v.Updates, bucket.Window{Key: key, Limit: 7, Remaining: 7, ResetAfter: 10 * time.Second})
	}
	if a.Header.Get("Invalid") != "" {
		v.Updates = append(v.Updates, bucket.Charge{Key: key})
	}
	v.Final = a.Header.Get("Final") != ""
	for i, u := range v.Updates {
		if b, ok := u.(bucket.Block); ok && p.points {
			v.Updates[i] = &b
		}
	}
	return v
}

// A base is a base transport.
type base func(*http.Request) (*http.Response, error)

func (b base) RoundTrip(req *http.Request) (*http.Response, error) { return b(req) }

// A server is a base transport that answers in turn, goes on with the last answer, and notes what it was sent. Like
// every base transport, it closes what it is given.
type server struct {
	start time.Time
	turns []base

	mu   sync.Mutex
	sent []sending
}

// A sending is a request as a server got it.
type sending struct {
	at   time.Duration // since the server began
	body string
	req  *http.Request
}

func serve(turns ...base) *server { return &server{start: time.Now(), turns: turns} }

func (s *server) RoundTrip(req *http.Request) (*http.Response, error) {
	got := sending{at: time.Since(s.start), req: req}
	if req.Body != nil {
		defer req.Body.Close()
		data, err := io.ReadAll(req.Body)
		if err != nil {
			return nil, err
		}
		got.body = string(data)
	}
	s.mu.Lock()
	turn := s.turns[min(len(s.sent), len(s.turns)-1)]
	s.sent = append(s.sent, got)
	s.mu.Unlock()
	return turn(req)
}

// times is when requests came.
func (s *server) times() []time.Duration {
	s.mu.Lock()
	defer s.mu.Unlock()
	var at []time.Duration
	for _, got := range s.sent {
		at = append(at, got.at)
	}
	return at
}

func (s *server) bodies() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	var bodies []string
	for _, got := range s.sent {
		bodies = append(bodies, got.body)
	}
	return bodies
}

// answer is a turn that answers with a status, some fields, such as "Refused: 5s", and a body that names the status.
func answer(status int, fields ...string) base {
	return func(*http.Request) (*http.Response, error) {
		h := http.Header{}
		for _, f := range fields {
			name, value, _ := strings.Cut(f, ": ")
			h.Add(name, value)
		}
		body := bodyOf(status)
		return &http.Response{
			StatusCode: status, Header: h, Body: io.NopCloser(strings.NewReader(body)), ContentLength: int64(len(body)),
		}, nil
	}
}

// bodyOf is the body that answer gives a status.
func bodyOf(status int) string { return "the body of a " + http.StatusText(status) }

// fail is a turn that ends in an error.
func fail(err error) base {
	return func(*http.Request) (*http.Response, error) { return nil, err }
}

// after is a turn that takes a while.
func after(d time.Duration, turn base) base {
	return func(req *http.Request) (*http.Response, error) {
		select {
		case <-time.After(d):
			return turn(req)
		case <-req.Context().Done():
			return nil, context.Cause(req.Context())
		}
	}
}

// carry is a turn that answers with a body.
func carry(status int, body io.ReadCloser, fields ...string) base {
	return func(req *http.Request) (*http.Response, error) {
		resp, err := answer(status, fields...)(req)
		resp.Body, resp.ContentLength = body, -1
		return resp, err
	}
}

const target = "http://api.test/things"

func request(ctx context.Context, method string, body io.Reader) *http.Request {
	req, err := http.NewRequestWithContext(ctx, method, target, body)
	if err != nil {
		panic(err)
	}
	return req
}

// A result is what a round trip came to.
type result struct {
	status int // 0: none
	body   string
	err    error // of the round trip or, if there was an answer, of reading it
}

func roundTrip(rt http.RoundTripper, req *http.Request) result {
	resp, err := rt.RoundTrip(req)
	if err != nil {
		return result{err: err}
	}
	defer resp.Body.Close()
	data, err := io.ReadAll(resp.Body)
	return result{resp.StatusCode, string(data), err}
}

// want checks what a round trip came to: a status, and the body that answer gives it.
func want(t *testing.T, got result, status int) {
	t.Helper()
	if body := bodyOf(status); got != (result{status, body, nil}) {
		t.Errorf("got %d with %q and error %v, want %d with %q", got.status, got.body, got.err, status, body)
	}
}

// block has nobody draw on apiKey for a time.
func block(t *testing.T, limits *transport.Transport, d time.Duration) {
	t.Helper()
	lease, err := limits.Buckets().Acquire(t.Context(), bucket.Draw{Key: apiKey, Policy: &bucket.Policy{}})
	if err != nil {
		t.Fatal(err)
	}
	lease.Done(time.Now(), bucket.Block{Key: apiKey, For: d})
}

// checkQuiet checks that nobody waits and that no lease is open.
func checkQuiet(t *testing.T, limits *transport.Transport) {
	t.Helper()
	st := limits.Buckets().Stats().Providers["api"]
	if st.Waiting != 0 || st.InFlight != 0 {
		t.Errorf("%d wait and %d are in flight at the end", st.Waiting, st.InFlight)
	}
}

// listen serves a handler in memory and returns the transport that leads to it, and its listener.
func listen(t *testing.T, h http.HandlerFunc) (*http.Transport, *memnet.Listener) {
	t.Helper()
	l := memnet.Listen()
	srv := &http.Server{Handler: h}
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = srv.Serve(l) // until it is closed
	}()
	rt := &http.Transport{DialContext: l.Dial}
	t.Cleanup(func() {
		rt.CloseIdleConnections()
		_ = srv.Close()
		<-done
	})
	return rt, l
}
