package metrics_test

import (
	"testing"
	"time"

	"github.com/underlimit/underlimit/transport"
)

// What a request that goes at once and is answered costs: three hooks.
func BenchmarkRequest(b *testing.B) {
	trace, _ := newTrace(b)
	ctx, info := b.Context(), call("slack", "chat.postMessage", 1)
	request := func() {
		trace.WaitDone(ctx, transport.WaitDoneInfo{CallInfo: info})
		trace.GotResponse(ctx, transport.ResponseInfo{CallInfo: info, Status: 200, Took: 80 * time.Millisecond})
		trace.Finished(ctx, transport.FinishedInfo{CallInfo: info, Status: 200})
	}
	b.Run("alone", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			request()
		}
	})
	b.Run("parallel", func(b *testing.B) {
		b.ReportAllocs()
		b.RunParallel(func(pb *testing.PB) {
			for pb.Next() {
				request()
			}
		})
	})
}

func BenchmarkFinished(b *testing.B) {
	trace, _ := newTrace(b)
	ctx, info := b.Context(), transport.FinishedInfo{CallInfo: call("slack", "chat.postMessage", 1), Status: 200}
	b.ReportAllocs()
	for b.Loop() {
		trace.Finished(ctx, info)
	}
}

// A route beyond those that have series: no request costs more.
func BenchmarkFinishedOverflow(b *testing.B) {
	trace, _ := newTrace(b)
	ctx := b.Context()
	for _, route := range routeNames(201) {
		trace.Finished(ctx, transport.FinishedInfo{CallInfo: call("slack", route, 1), Status: 200})
	}
	info := transport.FinishedInfo{CallInfo: call("slack", "one too many", 1), Status: 200}
	b.ReportAllocs()
	for b.Loop() {
		trace.Finished(ctx, info)
	}
}
