// Package demo races a plain client against underlimit on strict fakes of three APIs.
package demo

import (
	"context"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/underlimit/underlimit/bucket"
	"github.com/underlimit/underlimit/metrics"
	"github.com/underlimit/underlimit/providers"
	"github.com/underlimit/underlimit/providers/discord"
	"github.com/underlimit/underlimit/providers/headers"
	"github.com/underlimit/underlimit/providers/intercom"
	"github.com/underlimit/underlimit/providers/slack"
	"github.com/underlimit/underlimit/transport"
)

// A Show is one race for each API, all at the same time. Create one with NewShow and start it once.
type Show struct {
	races   []*race
	buckets *bucket.Registry
	metrics *prometheus.Registry
	trace   *transport.Trace
}

// A race is the same calls to the same API, by a plain client and by one with underlimit. Each has a fake of its own, so
// that neither spends the other's limits.
type race struct {
	api   string
	calls []call
	best  time.Duration // what a client would need that knows everything
	lanes [2]*lane
}

// A lane is one client's side of a race.
type lane struct {
	fake   fake
	client *http.Client

	answered atomic.Int64 // calls that ended, well or not
	failed   atomic.Int64 // of them, those that did not get what they asked for
	took     atomic.Int64 // nanoseconds until the last ended; 0: not yet
}

const (
	plain = iota
	ours
)

// NewShow builds the races. Their fakes listen on loopback addresses until Close.
func NewShow() *Show {
	s := &Show{buckets: bucket.NewRegistry(nil), metrics: prometheus.NewPedanticRegistry()}
	trace, err := metrics.NewTrace(s.metrics)
	if err != nil {
		panic("bug: a new registry refuses our metrics: " + err.Error())
	}
	s.trace = trace
	s.metrics.MustRegister(metrics.NewCollector(s.buckets))

	provider := providers.Join(slack.New(nil), discord.New(nil), intercom.New(nil), headers.New(nil))
	for _, sc := range scenarios {
		r := &race{api: sc.api, calls: sc.calls()}
		for i := range r.lanes {
			f := sc.fake()
			r.lanes[i] = &lane{fake: f, client: &http.Client{Transport: f.Loopback()}}
		}
		r.lanes[ours].client.Transport = transport.New(provider, &transport.Options{
			Base: r.lanes[ours].fake.Loopback(), Buckets: s.buckets, Trace: s.trace,
		})
		s.races = append(s.races, r)
	}
	return s
}

// Close ends the fakes.
func (s *Show) Close() {
	for _, r := range s.races {
		for _, l := range r.lanes {
			l.fake.Close()
		}
	}
}

// ServeMetrics serves underlimit's metrics until stop is called.
func (s *Show) ServeMetrics(addr string) (url string, stop func(), err error) {
	listener, err := net.Listen("tcp", addr)
	if err != nil {
		return "", nil, err
	}
	mux := http.NewServeMux()
	mux.Handle("/metrics", promhttp.HandlerFor(s.metrics, promhttp.HandlerOpts{EnableOpenMetrics: true}))
	server := &http.Server{Handler: mux, ReadHeaderTimeout: 10 * time.Second}
	served := make(chan struct{})
	go func() {
		defer close(served)
		_ = server.Serve(listener) // it returns when stop closes the server
	}()
	stop = func() {
		_ = server.Close()
		<-served
	}
	return "http://" + listener.Addr().String() + "/metrics", stop, nil
}

// Start begins all races at once. The channel is closed when the last call of the last has ended.
func (s *Show) Start(ctx context.Context) <-chan struct{} {
	var wg sync.WaitGroup
	for i, r := range s.races {
		r.best = scenarios[i].best(time.Now())
		for _, l := range r.lanes {
			wg.Go(func() { l.run(ctx, r.calls) })
		}
	}
	done := make(chan struct{})
	go func() {
		wg.Wait()
		close(done)
	}()
	return done
}

// run makes all calls at once, as a program does that has much to say.
func (l *lane) run(ctx context.Context, calls []call) {
	start := time.Now()
	var wg sync.WaitGroup
	for _, c := range calls {
		wg.Go(func() {
			if !l.send(ctx, c) {
				l.failed.Add(1)
			}
			l.answered.Add(1)
		})
	}
	wg.Wait()
	l.took.Store(int64(time.Since(start)))
}

// send makes one call and says whether it got what it asked for.
func (l *lane) send(ctx context.Context, c call) bool {
	req, err := http.NewRequestWithContext(ctx, c.method, c.url, strings.NewReader(c.body))
	if err != nil {
		return false
	}
	req.Header = c.header.Clone()
	resp, err := l.client.Do(req)
	if err != nil {
		return false
	}
	defer resp.Body.Close()
	_, err = io.Copy(io.Discard, resp.Body)
	return err == nil && resp.StatusCode/100 == 2
}
