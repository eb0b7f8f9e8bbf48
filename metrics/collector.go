package metrics

import (
	"github.com/prometheus/client_golang/prometheus"

	"github.com/underlimit/underlimit/bucket"
)

// NewCollector returns a collector that reads the state of a registry at each scrape. Its series begin when the
// registry meets a provider. It is safe for concurrent use; to collect from several registries, register each
// collector with its own prometheus.WrapRegistererWith.
func NewCollector(reg *bucket.Registry) prometheus.Collector { return collector{reg} }

type collector struct{ reg *bucket.Registry }

var (
	inFlight = desc("requests_in_flight", "Requests sent and not yet answered.")
	queued   = desc("requests_queued", "Requests held back at the moment.")
	buckets  = desc("buckets",
		"Buckets that would let a request through (open), have nothing left (exhausted), or are blocked.", "state")
	evicted = desc("buckets_evicted_total",
		"Buckets forgotten because nobody used them (idle), or because there were too many (capacity).", "reason")
	corrections = desc("bucket_corrections_total",
		"Answers that contradicted what was reckoned of a bucket: less remaining, another limit, an earlier reset, "+
			"or a new bucket.", "kind")
)

func desc(name, help string, labels ...string) *prometheus.Desc {
	return prometheus.NewDesc(prometheus.BuildFQName(namespace, "", name), help,
		append([]string{"provider"}, labels...), nil)
}

func (c collector) Describe(ch chan<- *prometheus.Desc) {
	for _, d := range [...]*prometheus.Desc{inFlight, queued, buckets, evicted, corrections} {
		ch <- d
	}
}

func (c collector) Collect(ch chan<- prometheus.Metric) {
	gauge := func(d *prometheus.Desc, n int, labels ...string) {
		ch <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, float64(n), labels...)
	}
	counter := func(d *prometheus.Desc, n uint64, labels ...string) {
		ch <- prometheus.MustNewConstMetric(d, prometheus.CounterValue, float64(n), labels...)
	}
	for name, p := range c.reg.Stats().Providers {
		name = valid(name)
		gauge(inFlight, p.InFlight, name)
		gauge(queued, p.Waiting, name)
		gauge(buckets, p.Open, name, "open")
		gauge(buckets, p.Exhausted, name, "exhausted")
		gauge(buckets, p.Blocked, name, "blocked")
		counter(evicted, p.EvictedIdle, name, "idle")
		counter(evicted, p.EvictedFull, name, "capacity")
		counter(corrections, p.Corrections.Remaining, name, "remaining")
		counter(corrections, p.Corrections.Limit, name, "limit")
		counter(corrections, p.Corrections.Reset, name, "reset")
		counter(corrections, p.Corrections.Alias, name, "new_bucket")
	}
}
