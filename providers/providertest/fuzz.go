package providertest

import (
	"net/http"
	"testing"

	"github.com/underlimit/underlimit/providers"
)

// maxBody is how much of a body an answer shows.
const maxBody = 64 << 10

// Fuzz looks for answers to req, which must be a request to p's API, that make p break a rule of [Test].
func Fuzz(f *testing.F, p providers.Provider, req *http.Request) {
	s, err := newSubject(p, req)
	if err != nil {
		f.Fatalf("providertest: %v", err)
	}
	call, broken := s.classify(readable, received)
	report(f, broken)

	for _, status := range statuses {
		f.Add(status, "", "", "", "", "", "", "", "", "", []byte(nil))
		f.Add(status, date(0), "7", "10", "3", epoch(0), "6.75", "abcd1234", "user", `"default";r=50;t=30`, []byte("{}"))
	}
	for i, v := range values {
		f.Add(http.StatusTooManyRequests, v, v, v, v, v, v, v, v, v, []byte(bodies[i%len(bodies)]))
	}
	f.Fuzz(func(t *testing.T, status int, date, retryAfter, limit, remaining, reset, resetAfter, bucket, scope,
		rateLimit string, body []byte,
	) {
		header := http.Header{}
		for name, v := range map[string]string{
			"Date": date, "Retry-After": retryAfter, "RateLimit": rateLimit,
			"X-Ratelimit-Limit": limit, "X-Ratelimit-Remaining": remaining, "X-Ratelimit-Reset": reset,
			"X-Ratelimit-Reset-After": resetAfter, "X-Ratelimit-Bucket": bucket, "X-Ratelimit-Scope": scope,
		} {
			if v != "" {
				header.Set(name, v)
			}
		}
		body = body[:min(len(body), maxBody)]
		report(t, s.checkAnswer(&call, answer(status, header, string(body))))
	})
}
