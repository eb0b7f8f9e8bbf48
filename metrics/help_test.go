package metrics_test

import (
	"os"
	"strconv"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	dto "github.com/prometheus/client_model/go"

	"github.com/underlimit/underlimit/metrics"
	"github.com/underlimit/underlimit/transport"
)

// newTrace returns a trace and where its metrics are registered.
func newTrace(tb testing.TB) (*transport.Trace, *prometheus.Registry) {
	tb.Helper()
	reg := prometheus.NewPedanticRegistry()
	trace, err := metrics.NewTrace(reg)
	if err != nil {
		tb.Fatal(err)
	}
	return trace, reg
}

func call(provider, route string, attempt int) transport.CallInfo {
	return transport.CallInfo{Provider: provider, Route: route, Attempt: attempt}
}

// golden compares everything that a registry shows with a file in the text format.
func golden(t *testing.T, reg prometheus.Gatherer, file string) {
	t.Helper()
	want, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer want.Close()
	if err := testutil.GatherAndCompare(reg, want); err != nil {
		t.Error(err)
	}
}

// each calls f with every series of a metric, whose name has no prefix, and its label values, joined with spaces in the
// order of the labels' names.
func each(t *testing.T, reg prometheus.Gatherer, name string, f func(labels string, m *dto.Metric)) {
	t.Helper()
	families, err := reg.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, family := range families {
		if family.GetName() != "underlimit_"+name {
			continue
		}
		for _, m := range family.GetMetric() {
			var labels []string
			for _, l := range m.GetLabel() {
				labels = append(labels, l.GetValue())
			}
			f(strings.Join(labels, " "), m)
		}
	}
}

// series returns the values of a counter or gauge by label values, those that are 0 left out.
func series(t *testing.T, reg prometheus.Gatherer, name string) map[string]float64 {
	t.Helper()
	values := map[string]float64{}
	each(t, reg, name, func(labels string, m *dto.Metric) {
		if v := m.GetCounter().GetValue() + m.GetGauge().GetValue(); v != 0 {
			values[labels] = v
		}
	})
	return values
}

// lint fails the test for every name or help that Prometheus' conventions forbid.
func lint(t *testing.T, reg prometheus.Gatherer) {
	t.Helper()
	problems, err := testutil.GatherAndLint(reg)
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range problems {
		t.Errorf("%s: %s", p.Metric, p.Text)
	}
}

// routeNames returns n routes.
func routeNames(n int) []string {
	names := make([]string, n)
	for i := range names {
		names[i] = "route " + strconv.Itoa(i)
	}
	return names
}

// A histogram is what tests look at of one: whether it is native, too, comes last.
type histogram struct {
	count  uint64
	sum    float64
	native bool
}

// histograms returns the histograms of a name without the prefix, by label values, the unused left out.
func histograms(t *testing.T, reg prometheus.Gatherer, name string) map[string]histogram {
	t.Helper()
	values := map[string]histogram{}
	each(t, reg, name, func(labels string, m *dto.Metric) {
		h := m.GetHistogram()
		if h.GetSampleCount() > 0 {
			values[labels] = histogram{h.GetSampleCount(), h.GetSampleSum(), h.GetZeroThreshold() > 0}
		}
	})
	return values
}
