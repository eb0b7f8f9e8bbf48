// Package metrics shows Prometheus what a transport does and what its buckets hold.
//
// [NewTrace] counts events, such as requests, refusals and retries, as they happen; [NewCollector] reads the state of
// a registry when it is scraped. They go together but need not:
//
//	trace, err := metrics.NewTrace(prometheus.DefaultRegisterer)
//	if err != nil {
//		return err
//	}
//	limits := transport.New(slack.New(nil), &transport.Options{Trace: trace})
//	prometheus.MustRegister(metrics.NewCollector(limits.Buckets()))
//
// Labels take few values: no credential, channel, guild, path or bucket is ever one. A provider has at most 200 routes
// and "other". Statuses without a name are folded into their class, such as "5xx".
package metrics
