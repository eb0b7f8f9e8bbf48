// Command intercom reads many Intercom contacts with a plain http.Client, from many goroutines, faster than Intercom
// allows, and none of its calls is refused: they wait their turn.
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
	start := time.Now()
	if err := run(context.Background(), newClient(base), token, workers, calls); err != nil {
		log.Fatal(err)
	}
	fmt.Printf("%d calls in %v\n", workers*calls, time.Since(start).Round(time.Millisecond))
}

// newClient returns an http.Client that keeps to Intercom's limits.
func newClient(base http.RoundTripper) *http.Client {
	limits := transport.New(providers.Join(intercomlimits.New(nil), headers.New(nil)), &transport.Options{Base: base})
	return &http.Client{Transport: limits}
}

// run has each worker make n calls, one after the other.
func run(ctx context.Context, client *http.Client, token string, workers, n int) error {
	errs := make(chan error, workers)
	var wg sync.WaitGroup
	for worker := range workers {
		wg.Go(func() {
			for i := range n {
				if err := readPage(ctx, client, token, worker, i); err != nil {
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

// readPage reads one page of contacts.
func readPage(ctx context.Context, client *http.Client, token string, worker, page int) error {
	url := fmt.Sprintf("https://api.intercom.io/contacts?worker=%d&page=%d", worker, page+1)
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return err
	}
	req.Header.Set("Authorization", "Bearer "+token)
	resp, err := client.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if _, err := io.Copy(io.Discard, resp.Body); err != nil {
		return err
	}
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("GET %s: %s", url, resp.Status)
	}
	return nil
}
