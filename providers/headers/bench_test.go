package headers_test

import (
	"context"
	"net/http"
	"testing"
	"time"

	"github.com/underlimit/underlimit/bucket"
	"github.com/underlimit/underlimit/providers"
	"github.com/underlimit/underlimit/providers/headers"
)

func BenchmarkOneRequest(b *testing.B) {
	quiet := http.Header{
		"Content-Type": {"application/json"}, "Date": {"Tue, 14 Nov 2023 22:13:20 GMT"}, "Server": {"nginx"},
		"X-Request-Id": {"9b1deb4d"}, "Cache-Control": {"no-store"}, "Vary": {"Accept"}, "Etag": {`"abc"`},
	}
	with := func(more ...string) http.Header {
		h := quiet.Clone()
		for i := 0; i < len(more); i += 2 {
			h.Set(more[i], more[i+1])
		}
		return h
	}
	for name, h := range map[string]http.Header{
		"no fields": quiet,
		"X-RateLimit": with("X-RateLimit-Limit", "1000000", "X-RateLimit-Remaining", "900000",
			"X-RateLimit-Reset", "60"),
		"IETF": with("RateLimit", `"default";r=900000;t=60`, "RateLimit-Policy", `"default";q=1000000;w=60`),
	} {
		b.Run(name, func(b *testing.B) {
			p, reg := headers.New(nil), bucket.NewRegistry(nil)
			req := request("https://api.example/path")
			a := &providers.Answer{Status: 200, Header: h}
			var draws []bucket.Draw
			b.ReportAllocs()
			for b.Loop() {
				call, _ := p.AppendClassify(draws[:0], req, time.Time{})
				draws = call.Draws
				lease, err := reg.Acquire(context.Background(), call.Draws...)
				if err != nil {
					b.Fatal(err)
				}
				a.Received = time.Now()
				lease.Done(a.Received, p.Judge(req, &call, a).Updates...)
			}
		})
	}
}
