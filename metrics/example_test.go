package metrics_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/common/expfmt"

	"github.com/underlimit/underlimit/metrics"
	"github.com/underlimit/underlimit/transport"
)

// Both kinds of metrics of one transport, and what Prometheus would read of its requests.
func Example() {
	api := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/users" {
			w.WriteHeader(http.StatusNotFound)
		}
	}))
	defer api.Close()

	reg := prometheus.NewRegistry() // or prometheus.DefaultRegisterer
	trace, err := metrics.NewTrace(reg)
	if err != nil {
		fmt.Println(err)
		return
	}
	limits := transport.New(anyAPI{}, &transport.Options{Trace: trace})
	reg.MustRegister(metrics.NewCollector(limits.Buckets()))

	client := &http.Client{Transport: limits}
	for _, path := range []string{"/users", "/users", "/favicon.ico"} {
		resp, err := client.Get(api.URL + path)
		if err != nil {
			fmt.Println(err)
			return
		}
		resp.Body.Close()
	}

	families, err := reg.Gather()
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, f := range families {
		switch f.GetName() {
		case "underlimit_requests_total", "underlimit_requests_in_flight":
			expfmt.MetricFamilyToText(os.Stdout, f)
		}
	}
	// Output:
	// # HELP underlimit_requests_in_flight Requests sent and not yet answered.
	// # TYPE underlimit_requests_in_flight gauge
	// underlimit_requests_in_flight{provider="any"} 0
	// # HELP underlimit_requests_total Finished requests by their final status, or error, refused (never sent) or canceled.
	// # TYPE underlimit_requests_total counter
	// underlimit_requests_total{code="200",provider="any",route="GET"} 2
	// underlimit_requests_total{code="404",provider="any",route="GET"} 1
}
