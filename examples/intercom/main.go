// Command intercom reads many Intercom contacts with a plain http.Client, from many goroutines, faster than Intercom
// allows, and none of its calls is refused: they wait their turn. Meanwhile somebody opens one conversation after the
// other and never waits, because the sync leaves them a share of each window. At the end it tells how the app's limit
// stands.
//
// With INTERCOM_TOKEN it asks the real Intercom. Without it, it asks a strict fake of it in this process.
package main

import (
	"context"
	"fmt"
	"io"
	"log"
	"net/http"
	"os"
	"sync"
	"time"

	"github.com/underlimit/underlimit/providers"
	"github.com/underlimit/underlimit/providers/headers"
	intercomlimits "github.com/underlimit/underlimit/providers/intercom"
	"github.com/underlimit/underlimit/providers/intercom/intercomtest"
	"github.com/underlimit/underlimit/transport"
)

const (
	workers = 8
	calls   = 50 // of each worker
)

func main() {
	token, base := os.Getenv("INTERCOM_TOKEN"), http.DefaultTransport
	if token == "" {
		fake := intercomtest.NewServer(nil)
		defer fake.Close()
		token, base = "example", fake.Transport()
	}
	a, start := newApp(base, token), time.Now()
	ctx, cancel := context.WithCancel(context.Background())
	reading := make(chan time.Duration)
	go func() { reading <- a.read(ctx) }()
	if err := a.sync(ctx, workers, calls); err != nil {
		log.Fatal(err)
	}
	fmt.Printf("%d calls in %v\n", workers*calls, time.Since(start).Round(time.Millisecond))
	cancel()
	fmt.Printf("nobody who opened a conversation waited longer than %v\n", (<-reading).Round(time.Millisecond))
	if d, ok := a.details(); ok {
		fmt.Printf("%d of %d left until %s\n", d.Remaining, d.Limit, d.ResetAt.Format("15:04:05"))
	}
}

// An app is a client of Intercom that keeps to its limits.
type app struct {
	token    string
	provider *intercomlimits.Provider
	limits   *transport.Transport
	client   *http.Client
}

// reserve is the share of each window that the sync leaves to what somebody waits for.
const reserve = 0.1

func newApp(base http.RoundTripper, token string) *app {
	p := intercomlimits.New(&intercomlimits.Options{Reserve: reserve})
	limits := transport.New(providers.Join(p, headers.New(nil)), &transport.Options{Base: base})
	return &app{token: token, provider: p, limits: limits, client: &http.Client{Transport: limits}}
}

// details are how the app's limit stands; ok is false before the first answer.
func (a *app) details() (_ intercomlimits.Details, ok bool) {
	req, err := a.request(context.Background(), "/me") // which is not sent
	if err != nil {
		return intercomlimits.Details{}, false
	}
	return a.provider.RateLimitDetails(a.limits.Buckets(), req)
}

// read opens a conversation each second until ctx ends, and returns the longest that this took.
func (a *app) read(ctx context.Context) (longest time.Duration) {
	person := transport.WithPriority(ctx, 1)
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for n := 1; ; n++ {
		select {
		case <-ctx.Done():
			return longest
		case <-tick.C:
		}
		start := time.Now()
		if err := a.get(person, fmt.Sprint("/conversations/", n)); err != nil {
			if ctx.Err() == nil {
				log.Print(err)
			}
			return longest
		}
		longest = max(longest, time.Since(start))
	}
}

// sync has each worker make n calls, one after the other.
func (a *app) sync(ctx context.Context, workers, n int) error {
	errs := make(chan error, workers)
	var wg sync.WaitGroup
	for worker := range workers {
		wg.Go(func() {
			for i := range n {
				if err := a.get(ctx, fmt.Sprintf("/contacts?worker=%d&page=%d", worker, i+1)); err != nil {
					errs <- err
					return
				}
			}
		})
	}
	wg.Wait()
	close(errs)
	return <-errs // nil if there is none
}

func (a *app) request(ctx context.Context, path string) (*http.Request, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "https://api.intercom.io"+path, nil)
	if err != nil {
		return nil, err
	}
	req.Header.Set("Authorization", "Bearer "+a.token)
	return req, nil
}

// get reads something.
func (a *app) get(ctx context.Context, path string) error {
	req, err := a.request(ctx, path)
	if err != nil {
		return err
	}
	resp, err := a.client.Do(req) //nolint:gosec // of the path alone somebody else has a say
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if _, err := io.Copy(io.Discard, resp.Body); err != nil {
		return err
	}
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("GET %s: %s", path, resp.Status)
	}
	return nil
}
