package transport_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/iotest"
	"testing/synctest"
	"time"

	"github.com/underlimit/underlimit/transport"
)

const asJSON = "Content-Type: application/json; charset=utf-8"

func TestAnswersAreReadableToTheEnd(t *testing.T) {
	data := bytes.Repeat([]byte("0123456789abcdef"), 1<<16) // a MiB
	for _, status := range []int{200, 404, 429, 503} {
		for _, size := range []int{0, 1, 4 << 10, 4<<10 + 1, 64<<10 - 1, 64 << 10, 64<<10 + 1, 1 << 20} {
			for _, turn := range []string{"at once", "after a refusal"} {
				t.Run(fmt.Sprint(status, " with ", size, " bytes ", turn), func(t *testing.T) {
					synctest.Test(t, func(t *testing.T) {
						body := &lender{Reader: bytes.NewReader(data[:size])}
						turns := []base{carry(status, body, asJSON)}
						if turn == "after a refusal" {
							turns = append([]base{answer(429, "Refused: 1s")}, turns...)
						}
						limits := transport.New(&api{peek: true}, &transport.Options{Base: serve(turns...)})
						got := roundTrip(limits, request(t.Context(), http.MethodPost, nil))
						if got.status != status || got.err != nil || got.body != string(data[:size]) {
							t.Errorf("got %d with %d bytes and error %v", got.status, len(got.body), got.err)
						}
						if body.closes != 1 {
							t.Errorf("the body was closed %d times", body.closes)
						}
					})
				})
			}
		}
	}
}

func TestAnswersNeedNotBeAsLongAsTheySay(t *testing.T) {
	data := strings.Repeat("x", 3000)
	for _, length := range []int64{-1, 0, 1, 2999, 3000, 3001, 4 << 10, 1 << 40} {
		for _, status := range []int{200, 404} {
			body := &lender{Reader: iotest.OneByteReader(strings.NewReader(data))}
			limits := transport.New(&api{peek: true}, &transport.Options{
				Base: base(func(req *http.Request) (*http.Response, error) {
					resp, err := carry(status, body, asJSON)(req)
					resp.ContentLength = length
					return resp, err
				}),
			})
			got := roundTrip(limits, request(t.Context(), http.MethodGet, nil))
			if got != (result{status, data, nil}) || body.closes != 1 {
				t.Errorf("length %d: %d with %d bytes, error %v, closed %d times",
					length, got.status, len(got.body), got.err, body.closes)
			}
		}
	}
}

func TestAnswerThatBreaksOffDoesSoForTheCaller(t *testing.T) {
	for _, status := range []int{200, 404, 429, 503} {
		for _, size := range []int{0, 10, 70_000} {
			t.Run(fmt.Sprint(status, " after ", size, " bytes"), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					begin := strings.Repeat("x", size)
					body := io.NopCloser(io.MultiReader(strings.NewReader(begin), iotest.ErrReader(errBroken)))
					limits := transport.New(&api{peek: true}, &transport.Options{Base: serve(carry(status, body, asJSON))})
					got := roundTrip(limits, request(t.Context(), http.MethodPost, nil))
					if got.status != status || got.body != begin || !errors.Is(got.err, errBroken) {
						t.Errorf("got %d with %d bytes and error %v", got.status, len(got.body), got.err)
					}
				})
			})
		}
	}
}

// spoken is a body that says one word, and another after a while.
func spoken(pause time.Duration) io.ReadCloser {
	r, w := io.Pipe()
	go func() {
		_, _ = io.WriteString(w, "first ")
		<-time.After(pause)
		_, _ = io.WriteString(w, "second")
		_ = w.Close()
	}()
	return r
}

func TestSlowAnswers(t *testing.T) {
	for _, test := range []struct {
		name   string
		status int
		fields []string
		answer time.Duration // when it is there
	}{
		{"an error that a provider looks at", 404, nil, 10 * time.Second},
		{"a refusal", 429, []string{"Refused: 1h", "Final: yes"}, 10 * time.Second},
		{"a success that a provider looks at", 200, []string{asJSON}, 10 * time.Second},
		{"a success", 200, nil, 0},
		{"events", 200, []string{"Content-Type: text/event-stream"}, 0},
		{"a server error", 500, []string{asJSON}, 0},
		{"a redirect", 302, []string{asJSON}, 0},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				limits := transport.New(&api{peek: true}, &transport.Options{
					Base: base(func(req *http.Request) (*http.Response, error) {
						return carry(test.status, spoken(15*time.Second), test.fields...)(req)
					}),
				})
				start := time.Now()
				resp, err := limits.RoundTrip(request(t.Context(), http.MethodPost, nil))
				if err != nil {
					t.Fatal(err)
				}
				defer resp.Body.Close()
				if d := time.Since(start); d != test.answer {
					t.Errorf("the answer took %v, want %v", d, test.answer)
				}
				data, err := io.ReadAll(resp.Body)
				if d := time.Since(start); string(data) != "first second" || err != nil || d != 15*time.Second {
					t.Errorf("read %q and error %v after %v", data, err, d)
				}
				checkQuiet(t, limits)
			})
		})
	}
}

func TestStreamIsDeliveredAtOnceAfterARefusal(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		stream := func(req *http.Request) (*http.Response, error) {
			return carry(200, spoken(time.Hour), "Content-Type: text/event-stream")(req)
		}
		limits := transport.New(&api{}, &transport.Options{Base: serve(answer(429, "Refused: 1s"), stream)})
		start := time.Now()
		resp, err := limits.RoundTrip(request(t.Context(), http.MethodGet, nil))
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		if d := time.Since(start); d != time.Second {
			t.Errorf("the answer took %v", d)
		}
		if data, err := io.ReadAll(resp.Body); string(data) != "first second" || err != nil {
			t.Errorf("read %q and error %v", data, err)
		}
	})
}

func TestBodyThatCannotBeClosedHoldsNoBucketUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		body := &stubborn{make(chan struct{}), make(chan struct{})}
		limits := transport.New(&api{}, &transport.Options{Base: serve(carry(404, body), answer(200))})
		start := time.Now()
		resp, err := limits.RoundTrip(request(t.Context(), http.MethodGet, nil))
		if err != nil {
			t.Fatal(err)
		}
		want(t, roundTrip(limits, request(t.Context(), http.MethodGet, nil)), 200)
		if d := time.Since(start); d != 10*time.Second {
			t.Errorf("the next request went after %v", d)
		}
		close(body.release)
		resp.Body.Close()
	})
}

func TestSlowRefusalIsLetGoForTheNextSending(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, _ := io.Pipe()
		body := &pipe{PipeReader: r}
		srv := serve(carry(429, body, "Refused: 1s"), answer(200))
		limits := transport.New(&api{}, &transport.Options{Base: srv})
		want(t, roundTrip(limits, request(t.Context(), http.MethodPost, nil)), 200)
		// The second of the block counts from the answer's header and is long over.
		if got := srv.times(); !slices.Equal(got, []time.Duration{0, 10 * time.Second}) || body.closes != 1 {
			t.Errorf("it was sent at %v, and the refusal closed %d times", got, body.closes)
		}
	})
}

func TestProviderSeesNoMoreThanItMay(t *testing.T) {
	for _, test := range []struct {
		name   string
		status int
		fields []string
		body   string
		peek   bool
		again  bool // the provider found a refusal in it
	}{
		{"a refusal", 400, nil, "refused", false, true},
		{"a success in JSON", 200, []string{asJSON}, "refused", true, true},
		{"a success in some JSON", 200, []string{"Content-Type: application/problem+json"}, "refused", true, true},
		{"a success that it did not ask for", 200, []string{asJSON}, "refused", false, false},
		{"a success not in JSON", 200, []string{"Content-Type: text/plain"}, "refused", true, false},
		{"a success of no type", 200, []string{"Content-Type: /;;"}, "refused", true, false},
		{"a server error", 500, []string{asJSON}, "refused", true, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				srv := serve(carry(test.status, io.NopCloser(strings.NewReader(test.body)), test.fields...), answer(201))
				limits := transport.New(&api{peek: test.peek}, &transport.Options{Base: srv})
				got := roundTrip(limits, request(t.Context(), http.MethodPost, nil))
				if test.again {
					want(t, got, 201)
				} else if got != (result{test.status, test.body, nil}) {
					t.Errorf("got %+v", got)
				}
			})
		})
	}
}

func TestLargeSuccessIsNotReadAhead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		large := func(*http.Request) (*http.Response, error) {
			resp, err := carry(200, spoken(time.Hour), asJSON)(nil)
			resp.ContentLength = 4<<10 + 1
			return resp, err
		}
		start := time.Now()
		limits := transport.New(&api{peek: true}, &transport.Options{Base: serve(large)})
		resp, err := limits.RoundTrip(request(t.Context(), http.MethodGet, nil))
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		if d := time.Since(start); d != 0 {
			t.Errorf("the answer took %v", d)
		}
		_, _ = io.Copy(io.Discard, resp.Body)
	})
}

func TestSmallAnswerThatWasLookedAtHoldsNoConnection(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for size, closes := range map[int]int{10: 1, 64 << 10: 1, 64<<10 + 1: 0} {
			body := &lender{Reader: strings.NewReader(strings.Repeat("x", size))}
			resp, err := transport.New(&api{}, &transport.Options{Base: serve(carry(404, body))}).
				RoundTrip(request(t.Context(), http.MethodGet, nil))
			if err != nil {
				t.Fatal(err)
			}
			if body.closes != closes {
				t.Errorf("a body of %d bytes was closed %d times before the caller did, want %d", size, body.closes, closes)
			}
			resp.Body.Close()
			resp.Body.Close()
			if body.closes != 1 {
				t.Errorf("a body of %d bytes was closed %d times", size, body.closes)
			}
		}
	})
}

// A wire is what becomes of a connection that was upgraded.
type wire struct {
	io.Reader
	bytes.Buffer
}

func (w *wire) Read(b []byte) (int, error) { return w.Reader.Read(b) }
func (w *wire) Close() error               { return nil }

func TestUpgradedConnectionCanBeWrittenTo(t *testing.T) {
	for name, turns := range map[string][]base{"at once": nil, "after a refusal": {answer(429, "Refused: 1s")}} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				body := &wire{Reader: spoken(time.Hour)}
				limits := transport.New(&api{}, &transport.Options{
					Base: serve(append(turns, carry(http.StatusSwitchingProtocols, body))...),
				})
				req := request(t.Context(), http.MethodGet, nil)
				req.Header.Set("Connection", "Upgrade")
				req.Header.Set("Upgrade", "websocket")
				resp, err := limits.RoundTrip(req)
				if err != nil {
					t.Fatal(err)
				}
				w, ok := resp.Body.(io.ReadWriteCloser)
				if !ok {
					t.Fatalf("a body of type %T cannot be written to", resp.Body)
				}
				if _, err := io.WriteString(w, "hello"); err != nil || body.String() != "hello" {
					t.Errorf("wrote %q and got error %v", body.String(), err)
				}
				if data, err := io.ReadAll(w); string(data) != "first second" || err != nil {
					t.Errorf("read %q and error %v", data, err)
				}
			})
		})
	}
}

func TestConnectionServesAgainAfterARefusal(t *testing.T) {
	for name, size := range map[string]int{"small": 10, "of 60 KB": 60_000} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				sendings := 0
				rt, network := listen(t, func(w http.ResponseWriter, r *http.Request) {
					if sendings++; sendings%2 == 1 {
						w.Header().Set("Refused", "1s")
						w.WriteHeader(http.StatusTooManyRequests)
						_, _ = io.WriteString(w, strings.Repeat("x", size))
					}
				})
				limits := transport.New(&api{}, &transport.Options{Base: rt})
				for range 5 {
					got := roundTrip(limits, request(t.Context(), http.MethodGet, nil))
					if got.status != 200 || got.err != nil {
						t.Fatal(got)
					}
				}
				if sendings != 10 || network.Dials() != 1 {
					t.Errorf("%d sendings took %d connections", sendings, network.Dials())
				}
			})
		})
	}
}

func TestConnectionIsFreeWhileItsAnswerWaits(t *testing.T) {
	for _, status := range []int{429, 503} {
		t.Run(fmt.Sprint(status), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				sendings := 0
				rt, _ := listen(t, func(w http.ResponseWriter, r *http.Request) {
					if sendings++; sendings == 1 {
						w.Header().Set("Blocked", "1h")
						w.Header().Set("Refused", r.Header.Get("Refuse"))
						w.WriteHeader(status)
						_, _ = io.WriteString(w, strings.Repeat("x", 60_000))
					}
				})
				rt.MaxConnsPerHost = 1
				waiting := make(chan result, 1)
				go func() {
					limits := transport.New(&api{}, &transport.Options{Base: rt})
					req := request(t.Context(), http.MethodGet, nil)
					if status == http.StatusTooManyRequests {
						req.Header.Set("Refuse", "1h")
					}
					waiting <- roundTrip(limits, req)
				}()
				synctest.Wait()
				start := time.Now()
				other := transport.New(&api{}, &transport.Options{Base: rt})
				if got := roundTrip(other, request(t.Context(), http.MethodGet, nil)); got.status != 200 {
					t.Error(got)
				}
				if d := time.Since(start); d != 0 {
					t.Errorf("the connection was free after %v", d)
				}
				if got := <-waiting; got.status != 200 {
					t.Error(got)
				}
			})
		})
	}
}
