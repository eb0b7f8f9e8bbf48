package providertest

import (
	"fmt"
	"iter"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/underlimit/underlimit/providers"
)

// received is when every answer arrives. A provider has no other clock.
var received = time.Date(2026, time.May, 23, 12, 0, 3, 250e6, time.UTC)

// roundTrip is how long before an answer its request left.
const roundTrip = 80 * time.Millisecond

func answer(status int, header http.Header, body string) *providers.Answer {
	a := &providers.Answer{Status: status, Header: header, Sent: received.Add(-roundTrip), Received: received}
	if body != "" {
		a.Body = []byte(body)
	}
	return a
}

func bareRefusal() *providers.Answer { return answer(http.StatusTooManyRequests, nil, "") }

var statuses = []int{
	http.StatusOK, http.StatusUnauthorized, http.StatusTooManyRequests,
	http.StatusInternalServerError, http.StatusServiceUnavailable,
}

// fields are the header fields in which APIs speak of limits.
var fields = []string{
	"Retry-After", "Date", "Age", "Via", "Ratelimit", "Ratelimit-Policy",
	"X-Ratelimit-Limit", "X-Ratelimit-Remaining", "X-Ratelimit-Reset", "X-Ratelimit-Reset-After",
	"X-Ratelimit-Bucket", "X-Ratelimit-Global", "X-Ratelimit-Scope",
}

// values are what a field may hold, for all we know.
var values = []string{
	"", " ", "abc", "-1", "-0", "0", "1", "0.5", "1.", ".", "+1", "0x10", "1_000", "1e30", "-1e30", "1e-30", "NaN",
	"Inf", "-Inf", "99999999999999999999", "9223372036854775807", "2147483648", "4294967296", "true", "global",
	epoch(-time.Hour), epoch(0), epoch(time.Minute), epoch(1e6 * time.Hour), epoch(0) + ".5", epoch(time.Minute) + "000",
	date(-time.Hour), date(time.Minute), date(1e6 * time.Hour), "Mon, 01 Jan 0001 00:00:00 GMT",
	"Thu, 01 Jan 1970 00:00:00 GMT", "Fri, 31 Dec 9999 23:59:59 GMT", "Sat, 23 May 2026 12:00:00 UTC",
	"2026-05-23T12:00:00Z", "1, 2", "\"default\";r=50;t=30", "\"default\";q=100;w=60", "\x00", "\xff\xfe", "٣", "1\u00a0",
	"üñî", strings.Repeat("9", 5000), strings.Repeat("a", 5000),
}

func epoch(d time.Duration) string { return strconv.FormatInt(received.Add(d).Unix(), 10) }

func date(d time.Duration) string { return received.Add(d).Format(http.TimeFormat) }

// bodies are what an answer may say, for all we know.
var bodies = []string{
	"error code: 1015", "{}", "[]", "null", "\"\"", "1", "\xff", "\x00", "<html></html>", `{"retry_after":`,
	`{"retry_after":1.5,"global":true,"code":0}`, `{"retry_after":-1}`, `{"retry_after":1e30}`, `{"retry_after":1e400}`,
	`{"retry_after":"1"}`, `{"retry_after":null,"global":"yes","code":"x"}`, `{"retry_after":{},"errors":{}}`,
	`{"ok":false,"error":"ratelimited"}`, `{"ok":"no","error":7}`, `{"ok":null,"error":[]}`,
	`{"type":"error.list","errors":[{"code":"rate_limit_exceeded","message":"slow"}]}`, `{"errors":[{"code":7},null]}`,
	strings.Repeat("[", maxBody), strings.Repeat(" ", maxBody), (`{"a":"` + strings.Repeat("a", maxBody))[:maxBody],
}

// plausible is what a server may say that counts ten requests a minute.
func plausible() http.Header {
	return http.Header{
		"Date": {date(0)}, "Retry-After": {"7"},
		"X-Ratelimit-Limit": {"10"}, "X-Ratelimit-Remaining": {"3"}, "X-Ratelimit-Reset": {epoch(7 * time.Second)},
		"X-Ratelimit-Reset-After": {"6.75"}, "X-Ratelimit-Bucket": {"abcd1234"}, "X-Ratelimit-Scope": {"user"},
	}
}

func plainAnswers() (all []*providers.Answer) {
	for _, status := range statuses {
		all = append(all, answer(status, nil, ""), answer(status, plausible(), ""))
	}
	return all
}

// answers returns answers of all kinds with what is particular about each.
func answers() iter.Seq2[*providers.Answer, string] {
	return func(yield func(*providers.Answer, string) bool) {
		for _, status := range statuses {
			for _, h := range []http.Header{nil, {}, plausible()} {
				if !yield(answer(status, h, ""), fmt.Sprintf("%d with %d headers", status, len(h))) {
					return
				}
				for _, b := range bodies {
					if !yield(answer(status, h, b), fmt.Sprintf("%d with %d headers and body %.40q", status, len(h), b)) {
						return
					}
				}
			}
			for _, f := range fields {
				for _, v := range values {
					among := plausible()
					among.Set(f, v)
					for _, h := range []http.Header{{f: {v}}, among} {
						if !yield(answer(status, h, ""), fmt.Sprintf("%d with %s: %.40q", status, f, v)) {
							return
						}
					}
				}
				for _, v := range [][]string{nil, {}, {"0", "1"}, {"", "9"}, {"x", "-1", "7"}} {
					h := plausible()
					h[f] = v
					if !yield(answer(status, h, ""), fmt.Sprintf("%d with %d lines of %s", status, len(v), f)) {
						return
					}
				}
			}
		}
	}
}
