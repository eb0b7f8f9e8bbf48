package transport_test

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"io"
	"maps"
	"net/http"
	"reflect"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/underlimit/underlimit/bucket"
	"github.com/underlimit/underlimit/providers"
	"github.com/underlimit/underlimit/providers/discord"
	"github.com/underlimit/underlimit/providers/headers"
	"github.com/underlimit/underlimit/providers/intercom"
	"github.com/underlimit/underlimit/providers/slack"
	"github.com/underlimit/underlimit/transport"
)

func TestARequestThatCannotBeSentCanBeAnsweredWith429(t *testing.T) {
	for _, test := range []struct {
		reason  string
		opts    transport.Options
		timeout time.Duration // of the request; 0: none
		queue   int           // those that wait before it
		block   time.Duration // how long nobody may go
		after   time.Duration // when the answer comes
		wait    string        // what it tells
	}{
		{reason: "deadline", timeout: time.Minute, block: time.Hour, wait: "3600"},
		{reason: "deadline", timeout: time.Minute, block: 25 * time.Hour, wait: "86400"},
		{reason: "max_wait", opts: transport.Options{MaxWait: time.Second}, block: 61 * time.Second, wait: "61"},
		{reason: "would_wait", opts: transport.Options{Mode: bucket.Reject}, block: 1500 * time.Millisecond, wait: "2"},
		{reason: "would_wait", opts: transport.Options{Mode: bucket.Reject}, block: 50 * time.Millisecond, wait: "1"},
		{reason: "queue_full", queue: 1, block: 10 * time.Second, wait: "10"},
	} {
		t.Run(test.reason+" "+test.wait, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				srv := serve(answer(200))
				opts := test.opts
				opts.Base, opts.Refusal = srv, transport.RefuseWith429
				opts.Buckets = bucket.NewRegistry(&bucket.Options{MaxQueue: 1, MaxBlock: 48 * time.Hour})
				var finished []transport.FinishedInfo
				opts.Trace = &transport.Trace{Finished: func(_ context.Context, i transport.FinishedInfo) {
					finished = append(finished, i)
				}}
				limits := transport.New(&api{}, &opts)
				block(t, limits, test.block)
				ctx, cancel := context.WithCancel(t.Context())
				defer cancel()
				for range test.queue {
					go roundTrip(limits, request(ctx, http.MethodGet, nil))
					synctest.Wait()
				}
				if test.timeout > 0 {
					ctx, cancel = context.WithTimeout(ctx, test.timeout)
					defer cancel()
				}

				body := &lender{Reader: strings.NewReader("body")}
				req := request(ctx, http.MethodPost, nil)
				req.Body = body
				resp, err := limits.RoundTrip(req)
				if err != nil {
					t.Fatal(err)
				}
				if d := time.Since(srv.start); d != test.after || len(srv.sent) != 0 || body.closes != 1 {
					t.Errorf("after %v it was sent %d times, its body closed %d times", d, len(srv.sent), body.closes)
				}
				checkRefusal(t, resp, req, test.reason, test.wait)
				_, isWait := errors.AsType[*bucket.WaitError](finished[0].Err)
				if len(finished) != 1 || finished[0].Status != 429 || !isWait {
					t.Errorf("the trace was told %+v", finished)
				}
			})
		})
	}
}

// checkRefusal checks a refusal of the api's, which has no words of its own.
func checkRefusal(t *testing.T, resp *http.Response, req *http.Request, reason, wait string) {
	t.Helper()
	var wire bytes.Buffer
	if err := resp.Write(&wire); err != nil {
		t.Fatal(err)
	}
	text := wire.Bytes()
	read, err := http.ReadResponse(bufio.NewReader(&wire), req)
	if err != nil {
		t.Fatal(err)
	}
	data, err := io.ReadAll(read.Body)
	if err != nil {
		t.Fatal(err)
	}
	header := http.Header{
		"Content-Type": {"application/json"}, "Date": {time.Now().UTC().Format(http.TimeFormat)}, "Via": {"1.1 underlimit"},
		"Retry-After": {wait}, "X-Underlimit-Reason": {reason}, "Content-Length": {"98"},
	}
	if !maps.EqualFunc(resp.Header, header, slices.Equal) {
		t.Errorf("got %v, want %v", resp.Header, header)
	}
	want := `{"error":"rate_limited","message":"The request was not sent: it would have had to wait too long."}`
	if string(data) != want {
		t.Errorf("got %s", data)
	}
	// As if it had come over the wire.
	got := *resp
	got.Body, read.Body = nil, nil
	if got.Request != req || !reflect.DeepEqual(&got, read) {
		t.Errorf("got %+v, want %+v, which is how one reads\n%s", got, read, text)
	}
}

func TestADeadlineThatEndsAWaitIsAnsweredToo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv := serve(after(time.Minute, answer(200)))
		limits := transport.New(&api{}, &transport.Options{Base: srv, Refusal: transport.RefuseWith429})
		go roundTrip(limits, request(t.Context(), http.MethodGet, nil)) // goes ahead to see
		synctest.Wait()
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
		defer cancel()
		req := request(ctx, http.MethodGet, nil)
		resp, err := limits.RoundTrip(req)
		if err != nil || time.Since(srv.start) != 5*time.Second {
			t.Fatalf("after %v: %v", time.Since(srv.start), err)
		}
		checkRefusal(t, resp, req, "deadline", "1") // nobody knows
		time.Sleep(time.Hour)
	})
}

func TestTheAnswerToAHeadHasNoBody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		limits := transport.New(&api{}, &transport.Options{Mode: bucket.Reject, Refusal: transport.RefuseWith429})
		block(t, limits, time.Second)
		resp, err := limits.RoundTrip(request(t.Context(), http.MethodHead, nil))
		if err != nil {
			t.Fatal(err)
		}
		if data, err := io.ReadAll(resp.Body); len(data) != 0 || err != nil || resp.ContentLength != 98 {
			t.Errorf("got %q of %d, %v", data, resp.ContentLength, err)
		}
	})
}

func TestWhatIsNoLimitsFaultStaysAnError(t *testing.T) {
	gone := context.Canceled
	for name, test := range map[string]struct {
		turn   base
		cancel error         // the cause
		at     time.Duration // when the caller gives up
		want   error
	}{
		"the caller has gone":               {answer(200), nil, 2 * time.Second, gone},
		"the caller had gone":               {answer(200), nil, 0, gone},
		"the caller has gone for a reason":  {answer(200), errBroken, 2 * time.Second, errBroken},
		"the caller says it was a deadline": {answer(200), context.DeadlineExceeded, 2 * time.Second, gone},
		"the base fails":                    {fail(errBroken), nil, time.Hour, errBroken},
		"the base's limits": {
			fail(&bucket.WaitError{Err: bucket.ErrMaxWait}), nil, time.Hour, bucket.ErrMaxWait,
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				limits := transport.New(&api{}, &transport.Options{Base: serve(test.turn), Refusal: transport.RefuseWith429})
				block(t, limits, 5*time.Second)
				ctx, cancel := context.WithCancelCause(t.Context())
				defer cancel(nil)
				if test.at == 0 {
					cancel(test.cancel)
				}
				defer time.AfterFunc(test.at, func() { cancel(test.cancel) }).Stop()
				if got := roundTrip(limits, request(ctx, http.MethodPost, nil)); !errors.Is(got.err, test.want) {
					t.Errorf("got %+v", got)
				}
				checkQuiet(t, limits)
			})
		})
	}
}

func TestWhatCameOfASentRequestIsNotReplaced(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		limits := transport.New(&api{}, &transport.Options{
			Base: serve(answer(429, "Refused: 1m")), MaxWait: time.Second, Refusal: transport.RefuseWith429,
		})
		want(t, roundTrip(limits, request(t.Context(), http.MethodGet, nil)), 429)
	})
	synctest.Test(t, func(t *testing.T) {
		limits := transport.New(&api{}, &transport.Options{
			Base: serve(answer(503, "Blocked: 1m")), MaxWait: time.Second, Refusal: transport.RefuseWith429,
		})
		want(t, roundTrip(limits, request(t.Context(), http.MethodGet, nil)), 503)
	})
}

// Some SDKs put off closing the body of an answer before they look at the error.
func TestCallersThatTrustInAnAnswerDoNotPanic(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv := serve(answer(429, "Retry-After: 20"))
		limits := transport.New(intercom.New(nil), &transport.Options{
			Base: srv, MaxWait: time.Second, Refusal: transport.RefuseWith429,
		})
		client := &http.Client{Transport: limits, Timeout: 10 * time.Second}
		get := func() (string, error) {
			req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "https://api.intercom.io/me", nil)
			if err != nil {
				return "", err
			}
			resp, err := client.Do(req)
			body := resp.Body // before looking at err
			defer body.Close()
			if err != nil {
				return "", err
			}
			data, err := io.ReadAll(body)
			return string(data), err
		}
		if got, err := get(); err != nil || got != bodyOf(429) {
			t.Errorf("from the server: %q, %v", got, err)
		}
		if got, err := get(); err != nil || !strings.Contains(got, "rate_limit_exceeded") || len(srv.sent) != 1 {
			t.Errorf("without the server: %q, %v", got, err)
		}
	})
}

func TestATransportUnderstandsTheRefusalsOfAnother(t *testing.T) {
	all := providers.Join(slack.New(nil), discord.New(nil), intercom.New(nil), headers.New(nil))
	for _, test := range []struct {
		url, refusal string
		sent         time.Duration // when the second request is, of which the first 5 s are blocked
	}{
		{"https://slack.com/api/users.list", "Retry-After: 5", 5 * time.Second},
		{"https://discord.com/api/v10/users/@me", "Retry-After: 5", 5 * time.Second},
		{"https://discord.com/api/v6/users/@me", "Retry-After: 5000", 5 * time.Second},
		// Intercom's windows end with the second that they name, and two clocks may part by a millisecond until then.
		{"https://api.intercom.io/me", "Retry-After: 5", 6*time.Second + time.Millisecond},
		{"https://example.com/", "Retry-After: 5", 5 * time.Second},
	} {
		t.Run(test.url, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				body := io.NopCloser(strings.NewReader("{}"))
				srv := serve(carry(429, body, test.refusal, "X-RateLimit-Scope: user"), answer(200))
				near := transport.New(all, &transport.Options{
					Base: srv, Mode: bucket.Reject, Refusal: transport.RefuseWith429,
				})
				far := transport.New(all, &transport.Options{Base: near})
				send := func(rt http.RoundTripper) result {
					req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, test.url, nil)
					if err != nil {
						t.Fatal(err)
					}
					return roundTrip(rt, req)
				}
				if got := send(near); got.status != 429 || got.err != nil {
					t.Fatalf("got %+v", got)
				}
				time.Sleep(time.Second)
				want(t, send(far), 200)
				if got := srv.times(); !slices.Equal(got, []time.Duration{0, test.sent}) {
					t.Errorf("sent at %v, want the second at %v", got, test.sent)
				}
			})
		})
	}
}
