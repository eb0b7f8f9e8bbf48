package transport_test

import (
	"context"
	"errors"
	"io"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/underlimit/underlimit/bucket"
	"github.com/underlimit/underlimit/transport"
)

var errBroken = errors.New("the connection broke")

func TestEveryRoundTripHasAnAnswerOrAnError(t *testing.T) {
	for name, test := range map[string]struct {
		turn base
		want int // status; 0: an error
	}{
		"an answer":                       {answer(200), 200},
		"an error":                        {fail(errBroken), 0},
		"nothing at all":                  {func(*http.Request) (*http.Response, error) { return nil, nil }, 0},
		"both":                            {func(*http.Request) (*http.Response, error) { return &http.Response{}, errBroken }, 0},
		"a server error that stays":       {answer(502), 502},
		"a refusal that stays":            {answer(429, "Refused: 1s"), 429},
		"a final refusal":                 {answer(429, "Refused: 1s", "Final: yes"), 429},
		"a refusal that tells no time":    {answer(429, "Refused: untold"), 429},
		"a 429 that the provider ignores": {answer(429), 429},
	} {
		for _, host := range []string{"api.test", "elsewhere.test"} {
			t.Run(name+" from "+host, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					if host == "elsewhere.test" && (name == "both" || name == "nothing at all") {
						return // nobody touches what others answer
					}
					limits := transport.New(&api{}, &transport.Options{Base: serve(test.turn)})
					req := request(t.Context(), http.MethodGet, nil)
					req.URL.Host = host
					resp, err := limits.RoundTrip(req)
					if (resp == nil) == (err == nil) {
						t.Fatalf("got answer %v and error %v", resp, err)
					}
					if resp != nil && resp.StatusCode != test.want || resp == nil && test.want != 0 {
						t.Errorf("got answer %v, want status %d", resp, test.want)
					}
					checkQuiet(t, limits)
				})
			})
		}
	}
}

// A lender is a body that counts how often it is closed.
type lender struct {
	io.Reader
	closes int
}

func (l *lender) Close() error {
	l.closes++
	return nil
}

// A pipe is a body that nobody writes to: reading it ends when it is closed.
type pipe struct {
	*io.PipeReader
	closes int
}

func (p *pipe) Close() error {
	p.closes++
	return p.PipeReader.Close()
}

func TestBodyIsClosedOnce(t *testing.T) {
	type setting struct {
		api     api
		turns   []base
		blocked time.Duration // before the request comes
		timeout time.Duration // of the request; 0: none
		cancel  time.Duration // when the caller gives up; 0: never
		length  int64         // -1: not told
		again   func() (io.ReadCloser, error)
		host    string
		sent    []string // the bodies that arrive
	}
	const body = "body"
	again := func() (io.ReadCloser, error) { return io.NopCloser(strings.NewReader(body)), nil }
	gone := func() (io.ReadCloser, error) { return nil, errBroken }
	refuse := answer(429, "Refused: 1s")
	for name, s := range map[string]setting{
		"success":                                {length: -1, sent: []string{body}},
		"error of the base":                      {turns: []base{fail(errBroken)}, length: -1, sent: []string{body}},
		"no time to wait":                        {blocked: time.Hour, timeout: time.Second, length: -1},
		"no time to wait, with replay":           {blocked: time.Hour, timeout: time.Second, length: 4, again: again},
		"no time to wait, small":                 {blocked: time.Hour, timeout: time.Second, length: 4},
		"no time to wait, small and read":        {api: api{read: true}, blocked: time.Hour, timeout: time.Second, length: 4},
		"gives up while it waits":                {blocked: time.Hour, cancel: time.Second, length: -1},
		"gives up while it waits, small":         {blocked: time.Hour, cancel: time.Second, length: 4},
		"gives up while it waits for a retry":    {turns: []base{refuse}, cancel: time.Millisecond, length: 4, sent: []string{body}},
		"refusal without replay":                 {turns: []base{refuse, answer(200)}, length: -1, sent: []string{body}},
		"refusal with replay":                    {turns: []base{refuse, answer(200)}, length: 4, again: again, sent: []string{body, body}},
		"refusal with replay that fails":         {turns: []base{refuse, answer(200)}, length: 4, again: gone, sent: []string{body}},
		"refusal of a small body":                {turns: []base{refuse, answer(200)}, length: 4, sent: []string{body, body}},
		"the provider reads a small body":        {api: api{read: true}, length: 4, sent: []string{body}},
		"the provider reads through replay":      {api: api{read: true}, length: 4, again: again, sent: []string{body}},
		"longer than told":                       {length: 3},
		"longer than told, read by the provider": {api: api{read: true}, length: 3},
		"shorter than told":                      {length: 5},
		"shorter than told, to nobody's limits":  {api: api{read: true}, length: 5, host: "elsewhere.test"},
		"to nobody's limits":                     {length: 4, host: "elsewhere.test", sent: []string{body}},
		"to nobody's limits, but read":           {api: api{read: true}, length: 4, host: "elsewhere.test", sent: []string{body}},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				if s.turns == nil {
					s.turns = []base{answer(200)}
				}
				srv := serve(s.turns...)
				limits := transport.New(&s.api, &transport.Options{Base: srv})
				if s.blocked > 0 {
					block(t, limits, s.blocked)
				}
				ctx, cancel := context.WithCancel(t.Context())
				defer cancel()
				if s.timeout > 0 {
					ctx, cancel = context.WithTimeout(ctx, s.timeout)
					defer cancel()
				}
				if s.cancel > 0 {
					defer time.AfterFunc(s.cancel, cancel).Stop()
				}
				req := request(ctx, http.MethodPost, nil)
				given := &lender{Reader: strings.NewReader(body)}
				req.Body, req.ContentLength, req.GetBody = given, s.length, s.again
				if s.host != "" {
					req.URL.Host = s.host
				}
				roundTrip(limits, req)
				synctest.Wait()
				if given.closes != 1 {
					t.Errorf("the body was closed %d times", given.closes)
				}
				if got := srv.bodies(); !slices.Equal(got, s.sent) {
					t.Errorf("bodies %q arrived, want %q", got, s.sent)
				}
				checkQuiet(t, limits)
			})
		})
	}
}

func TestBodyThatNeverComesIsGivenUpWithTheRequest(t *testing.T) {
	for name, p := range map[string]*api{"read to classify": {read: true}, "read to send": {}} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				srv := serve(answer(200))
				limits := transport.New(p, &transport.Options{Base: srv})
				ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
				defer cancel()
				start := time.Now()
				r, _ := io.Pipe()
				given := &pipe{PipeReader: r}
				req := request(ctx, http.MethodPost, nil)
				req.Body, req.ContentLength = given, 10
				if got := roundTrip(limits, req); !errors.Is(got.err, context.DeadlineExceeded) {
					t.Errorf("got error %v, want that of the deadline", got.err)
				}
				if d := time.Since(start); d != 3*time.Second {
					t.Errorf("it took %v", d)
				}
				synctest.Wait()
				if given.closes != 1 || len(srv.sent) != 0 {
					t.Errorf("the body was closed %d times, and %d requests were sent", given.closes, len(srv.sent))
				}
				checkQuiet(t, limits)
			})
		})
	}
}

// A stubborn body cannot be closed while it is read, like that of a server's request.
type stubborn struct {
	release chan struct{}
	read    chan struct{}
}

func (b *stubborn) Read([]byte) (int, error) {
	<-b.release
	close(b.read)
	return 0, io.EOF
}

func (b *stubborn) Close() error {
	<-b.read
	return nil
}

func TestBodyThatCannotBeClosedHoldsNobodyUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		given := &stubborn{make(chan struct{}), make(chan struct{})}
		defer close(given.release)
		ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
		defer cancel()
		req := request(ctx, http.MethodPost, nil)
		req.Body, req.ContentLength = given, 10
		start := time.Now()
		got := roundTrip(transport.New(&api{read: true}, &transport.Options{Base: serve(answer(200))}), req)
		if d := time.Since(start); got.err == nil || d != 3*time.Second {
			t.Errorf("got error %v after %v", got.err, d)
		}
	})
}

// An odd body is of a type whose values cannot be compared.
type odd struct {
	io.Reader
	_ func()
}

func (odd) Close() error { return nil }

func TestBodiesNeedNotBeComparable(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv := serve(answer(200))
		limits := transport.New(&api{}, &transport.Options{Base: srv})
		for _, length := range []int64{-1, 4} {
			req := request(t.Context(), http.MethodPost, nil)
			req.Body, req.ContentLength = odd{Reader: strings.NewReader("body")}, length
			want(t, roundTrip(limits, req), 200)
		}
		if got := srv.bodies(); !slices.Equal(got, []string{"body", "body"}) {
			t.Errorf("bodies %q arrived", got)
		}
	})
}

func TestRequestIsLeftAsItWas(t *testing.T) {
	for name, turns := range map[string][]base{
		"one sending":   {answer(200)},
		"two refusals":  {answer(429, "Refused: 1s"), answer(429, "Refused: 1s"), answer(200)},
		"server errors": {answer(503), answer(502), answer(200)},
		"broken":        {fail(errBroken)},
	} {
		for kind, prepare := range map[string]func(*http.Request){
			"with replay": func(*http.Request) {},
			"small":       func(req *http.Request) { req.GetBody = nil },
			"of a server": func(req *http.Request) { req.GetBody, req.RequestURI = nil, "/things" },
			"of a server, streamed": func(req *http.Request) {
				req.GetBody, req.ContentLength, req.RequestURI = nil, -1, "/things"
			},
			"not told a size": func(req *http.Request) { req.GetBody, req.ContentLength = nil, -1 },
			"no body":         func(req *http.Request) { req.GetBody, req.ContentLength, req.Body = nil, 0, nil },
			"an empty body":   func(req *http.Request) { req.GetBody, req.ContentLength, req.Body = nil, 0, http.NoBody },
		} {
			t.Run(name+", "+kind, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					srv := serve(turns...)
					req := request(t.Context(), http.MethodPost, strings.NewReader("body"))
					req.Header.Set("Idempotency-Key", "1")
					sent := maps.Clone(req.Header)
					req.Header["authorization"], req.Header["Authorization"] = []string{"a"}, []string{"b", "c"}
					req.URL.RawQuery = "a=b"
					prepare(req)
					before, header, url := *req, maps.Clone(req.Header), *req.URL
					omit := []string{"Authorization", "Cookie"}
					roundTrip(transport.New(&api{read: true, omit: omit}, &transport.Options{Base: srv}), req)

					if req.Body != before.Body || (req.GetBody == nil) != (before.GetBody == nil) {
						t.Error("the body is another")
					}
					if req.RequestURI != before.RequestURI || req.ContentLength != before.ContentLength ||
						req.Method != before.Method || req.Host != before.Host || req.Context() != before.Context() {
						t.Errorf("the request is now %+v", req)
					}
					if req.URL != before.URL || *req.URL != url || !maps.EqualFunc(req.Header, header, slices.Equal) {
						t.Errorf("the request now goes to %v with %v", req.URL, req.Header)
					}
					for _, got := range srv.sent {
						if got.req.RequestURI != "" {
							t.Errorf("it was sent with RequestURI %q", got.req.RequestURI)
						}
						if !maps.EqualFunc(got.req.Header, sent, slices.Equal) ||
							*got.req.URL != url || got.req.Host != "api.test" {
							t.Errorf("it was sent to %v with %v", got.req.URL, got.req.Header)
						}
						if got.req.ContentLength != before.ContentLength {
							t.Errorf("it was sent with length %d", got.req.ContentLength)
						}
					}
				})
			})
		}
	}
}

func TestAnswerNamesTheCallersRequest(t *testing.T) {
	for name, prepare := range map[string]func(*http.Request){
		"as it is":               func(*http.Request) {},
		"of a server":            func(req *http.Request) { req.RequestURI = "/things" },
		"small":                  func(req *http.Request) { req.GetBody = nil },
		"to nobody's limits":     func(req *http.Request) { req.URL.Host, req.Host, req.GetBody = "elsewhere.test", "", nil },
		"with replay, to nobody": func(req *http.Request) { req.URL.Host, req.Host = "elsewhere.test", "" },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				refused := false
				rt, _ := listen(t, func(w http.ResponseWriter, r *http.Request) {
					_, _ = io.Copy(io.Discard, r.Body)
					if r.Host == "api.test" && !refused {
						refused = true
						w.Header().Set("Refused", "1s")
						w.WriteHeader(http.StatusTooManyRequests)
					}
				})
				req := request(t.Context(), http.MethodPost, strings.NewReader("body"))
				prepare(req)
				resp, err := transport.New(&api{read: true}, &transport.Options{Base: rt}).RoundTrip(req)
				if err != nil {
					t.Fatal(err)
				}
				defer resp.Body.Close()
				if resp.Request != req || resp.StatusCode != http.StatusOK {
					t.Errorf("got %s for %p, want it for %p", resp.Status, resp.Request, req)
				}
			})
		})
	}
}

func TestBaseSaysWhatIsWrongWithARequestWithoutURLOrHeader(t *testing.T) {
	rt := &http.Transport{}
	defer rt.CloseIdleConnections()
	limits := transport.New(&api{}, &transport.Options{Base: rt})
	for name, spoil := range map[string]func(*http.Request){
		"nil Request.URL":    func(req *http.Request) { req.URL = nil },
		"nil Request.Header": func(req *http.Request) { req.Header = nil },
	} {
		req := request(t.Context(), http.MethodPost, nil)
		body := &lender{Reader: strings.NewReader("body")}
		req.Body = body
		spoil(req)
		if got := roundTrip(limits, req); got.err == nil || !strings.Contains(got.err.Error(), name) || body.closes != 1 {
			t.Errorf("%s: got error %v, and the body was closed %d times", name, got.err, body.closes)
		}
	}
}

func TestPanicOfTheBaseLeavesNoLeaseBehind(t *testing.T) {
	for name, turns := range map[string][]base{
		"at once":         {func(*http.Request) (*http.Response, error) { panic("base") }},
		"after a refusal": {answer(429, "Refused: 1s"), func(*http.Request) (*http.Response, error) { panic("base") }},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				srv := serve(append(turns, answer(200))...)
				limits := transport.New(&api{}, &transport.Options{Base: srv})
				func() {
					defer func() {
						if recover() == nil {
							t.Error("the panic was lost")
						}
					}()
					roundTrip(limits, request(t.Context(), http.MethodGet, nil))
				}()
				checkQuiet(t, limits)
				want(t, roundTrip(limits, request(t.Context(), http.MethodGet, nil)), 200)
			})
		})
	}
}

func TestTransportsShareARegistryIfTold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		reg := bucket.NewRegistry(nil)
		one := transport.New(&api{}, &transport.Options{Base: serve(answer(429, "Refused: 5s", "Final: yes")), Buckets: reg})
		srv := serve(answer(200))
		two := transport.New(&api{}, &transport.Options{Base: srv, Buckets: reg})
		if one.Buckets() != reg || transport.New(&api{}, nil).Buckets() == nil {
			t.Error("Buckets is not the registry")
		}
		want(t, roundTrip(one, request(t.Context(), http.MethodGet, nil)), 429)
		want(t, roundTrip(two, request(t.Context(), http.MethodGet, nil)), 200)
		if got := srv.times(); !slices.Equal(got, []time.Duration{5 * time.Second}) {
			t.Errorf("the other transport sent at %v", got)
		}
	})
}
