package headers_test

import (
	"math"
	"net/http"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/underlimit/underlimit/bucket"
	"github.com/underlimit/underlimit/internal/field"
	"github.com/underlimit/underlimit/providers"
	"github.com/underlimit/underlimit/providers/headers"
)

const (
	s  = time.Second
	ms = time.Millisecond
)

// A row is a form of header fields that servers use, and what it says. Windows are told by their ranks: the shortest
// first.
type row struct {
	name   string
	status int
	header string // fields, separated by "; "
	want   []any  // a ranked, a ruled, a blocked, or a time.Duration: the block of a refusal
}

// A ranked is a Window of the bucket with that number.
type ranked struct {
	rank int
	bucket.Window
}

// A ruled is a Rule for the bucket with that number.
type ruled struct {
	rank int
	bucket.Rule
}

func rule(rank, quota, used int, window time.Duration) ruled {
	return ruled{rank, bucket.Rule{Quota: quota, Used: used, Window: window}}
}

func atOnce(n int) ruled { return ruled{0, bucket.Rule{Concurrent: n}} }

// A blocked is a Block of the first bucket by an answer that refuses nothing.
type blocked time.Duration

func after(rank, limit, remaining int, d, precision time.Duration) ranked {
	return ranked{rank, bucket.Window{Limit: limit, Remaining: remaining, ResetAfter: d, Precision: precision}}
}

// in is a window that ends in a time told in whole seconds, which may have been rounded either way.
func in(rank, limit, remaining int, d time.Duration) ranked {
	return after(rank, limit, remaining, min(d+s, field.Max), 2*s)
}

func at(rank, limit, remaining int, reset time.Time, precision time.Duration) ranked {
	w := bucket.Window{Limit: limit, Remaining: remaining, ResetAt: reset, Date: date, Precision: precision}
	return ranked{rank, w}
}

// The server's clock shows date, 2023-11-14 22:13:20, in all rows.
var rows = []row{
	// The fields of the IETF, in the form of the newest draft.
	{
		"a single policy", 200,
		`RateLimit-Policy: "default";q=100;w=60~ RateLimit: "default";r=50;t=30`,
		say(in(0, 100, 50, 30*s)),
	},
	{"no policy", 200, `RateLimit: "default";r=50;t=30`, say(in(0, 0, 50, 30*s))},
	{
		"several policies, the tightest told", 200,
		`RateLimit-Policy: "burst";q=100;w=60,"daily";q=1000;w=86400~ RateLimit: "daily";r=4;t=3000`,
		say(in(1, 1000, 4, 3000*s)),
	},
	{
		"several policies, all told, in any order", 200,
		`RateLimit-Policy: "daily";q=1000;w=86400, "burst";q=100;w=60~ RateLimit: "daily";r=4;t=3000, "burst";r=9;t=7`,
		say(in(0, 100, 9, 7*s), in(1, 1000, 4, 3000*s)),
	},
	{
		"several policies, whose names are in another order than their lengths", 200,
		`RateLimit-Policy: "a";q=1000;w=86400, "b";q=100;w=60~ RateLimit: "a";r=4;t=3000, "b";r=9;t=7`,
		say(in(0, 100, 9, 7*s), in(1, 1000, 4, 3000*s)),
	},
	{
		"several items of which nothing tells the lengths", 200, `RateLimit: "b";r=4;t=3000, "a";r=9;t=7`,
		say(in(0, 0, 9, 7*s), in(1, 0, 4, 3000*s)),
	},
	{
		"a policy without a length beside one that has it", 200,
		`RateLimit-Policy: "p";q=5, "x";q=9;w=9~ RateLimit: "x";r=1;t=9`,
		say(in(0, 9, 1, 9*s)),
	},
	{
		"lists among the items", 200,
		`RateLimit-Policy: ("x" "y"), "p";q=9;w=9~ RateLimit: ("x"), "p";r=5;t=3`,
		say(in(0, 9, 5, 3*s)),
	},
	{
		"a policy of bytes beside one of requests", 200,
		`RateLimit-Policy: "a";q=9999;w=1;qu="content-bytes", "b";q=100;w=60~ RateLimit: "a";r=0;t=1, "b";r=9;t=7`,
		say(in(0, 100, 9, 7*s)),
	},
	{
		"more items than are read", 200, `RateLimit: ` + strings.Repeat(`"p";r=1;t=30,`, 16) + `"p";r=1;t=30`, nil,
	},
	{
		"a name that is much too long", 200, `RateLimit: "` + strings.Repeat("p", 4096) + `";r=1;t=30`, nil,
	},
	{
		"both the newest form and what everybody does", 200,
		`RateLimit: "p";r=5;t=9~ X-RateLimit-Limit: 7~ X-RateLimit-Remaining: 4~ X-RateLimit-Reset: 2`,
		say(in(0, 0, 5, 9*s)),
	},
	{
		"lists over several lines", 200,
		`RateLimit-Policy: "a";q=10;w=1~ RateLimit-Policy: "b";q=60;w=60~ RateLimit: "a";r=9;t=1~ RateLimit: "b";r=1;t=9`,
		say(in(0, 10, 9, s), in(1, 60, 1, 9*s)),
	},
	{
		"more windows than there are buckets", 200,
		`RateLimit-Policy: "a";q=1;w=1,"b";q=2;w=2,"c";q=3;w=3,"d";q=4;w=4~ ` +
			`RateLimit: "a";r=1;t=1,"b";r=1;t=1,"c";r=1;t=1,"d";r=1;t=1`,
		say(in(0, 1, 1, s), in(1, 2, 1, s), in(2, 3, 1, s)),
	},
	{
		"more windows than there are buckets, the last empty", 200,
		`RateLimit-Policy: "a";q=1;w=1,"b";q=2;w=2,"c";q=3;w=3,"d";q=4;w=4~ RateLimit: "d";r=0;t=4`,
		say(blocked(5 * s)),
	},
	{
		"a partition", 200,
		`RateLimit: "p";r=5;t=9;pk=:c2VjcmV0:~ RateLimit-Policy: "p";q=9;w=9;pk=:c2VjcmV0:`,
		say(in(0, 9, 5, 9*s)),
	},
	{
		"requests by name", 200,
		`RateLimit: "p";r=5;t=9~ RateLimit-Policy: "p";q=9;w=9;qu="requests"`,
		say(in(0, 9, 5, 9*s)),
	},
	{"bytes are not counted", 200, `RateLimit: "p";r=0;t=9~ RateLimit-Policy: "p";q=9;w=9;qu="content-bytes"`, nil},
	{
		"requests at once", 200,
		`RateLimit: "c";r=3, "p";r=5;t=9~ RateLimit-Policy: "p";q=9;w=9, "c";q=7;qu="concurrent-requests"`,
		say(in(0, 9, 5, 9*s), atOnce(7)),
	},
	{
		"requests at once, and no time", 200,
		`RateLimit: "p";r=5~ RateLimit-Policy: "p";q=9;w=9, "c";q=7;qu="concurrent-requests"`,
		say(ruled{0, bucket.Rule{Quota: 9, Window: 9 * s, Used: 4, Concurrent: 7}}),
	},
	{"only requests at once", 200, `RateLimit-Policy: "c";q=7;qu=concurrent-requests`, say(atOnce(7))},
	{
		"a name that is a token", 200,
		`RateLimit: default;r=50;t=30~ RateLimit-Policy: default;q=60;w=60`,
		say(in(0, 60, 50, 30*s)),
	},
	{"a number with a fraction", 200, `RateLimit: "p";r=5;t=0.5`, say(after(0, 0, 5, 500*ms, 0))},
	{
		"no time, but the length of the window", 200,
		`RateLimit: "p";r=5~ RateLimit-Policy: "p";q=100;w=60`,
		say(rule(0, 100, 95, 60*s)),
	},
	{
		"no time, and a limit of whose window there is no name", 200,
		`RateLimit: "p";r=50~ RateLimit-Policy: "x";q=100;w=60`,
		nil,
	},
	{
		"no time, and a long window", 200,
		`RateLimit: "p";r=0~ RateLimit-Policy: "p";q=100;w=86400`,
		say(rule(0, 100, 0, 24*time.Hour)),
	},
	{"no time at all", 200, `RateLimit: "p";r=5`, nil},
	{"a negative number left", 200, `RateLimit: "p";r=-1;t=30`, nil},
	{"a negative time", 200, `RateLimit: "p";r=1;t=-30`, nil},
	{"a negative quota", 200, `RateLimit: "p";r=1;t=3~ RateLimit-Policy: "p";q=-5;w=9`, say(in(0, 0, 1, 3*s))},
	{"a trailing comma", 200, `RateLimit: "p";r=1;t=30,`, nil},
	{"more digits than an integer has", 200, `RateLimit: "p";r=1;t=1234567890123456`, nil},
	{"the longest of times", 200, `RateLimit: "p";r=1;t=999999999999999`, say(after(0, 0, 1, field.Max, 2*s))},
	{"more left than can be counted", 200, `RateLimit: "p";r=999999999999999;t=3`, say(in(0, 0, math.MaxInt32, 3*s))},
	{"a list that is much too long", 200, `RateLimit: ` + strings.Repeat(`"p";r=1;t=30,`, 400) + `"p";r=1;t=30`, nil},
	{"only policies", 200, `RateLimit-Policy: "p";q=1;w=9`, nil},
	{
		"Retry-After goes before the time of the window", 429, `Retry-After: 5~ RateLimit: "p";r=0;t=30`,
		say(in(0, 0, 0, 30*s), 5*s),
	},
	{"a refusal by an empty window", 429, `RateLimit: "p";r=0;t=30`, say(in(0, 0, 0, 30*s), 31*s)},
	{
		"a refusal by the longer of two empty windows", 429, `RateLimit: "a";r=0;t=1,"b";r=0;t=60~ ` +
			`RateLimit-Policy: "a";q=1;w=1,"b";q=9;w=60`,
		say(in(0, 1, 0, s), in(1, 9, 0, 60*s), 61*s),
	},
	{"an answer from a cache", 200, `Age: 2~ RateLimit: "p";r=0;t=30`, nil},

	// Older drafts.
	{"a dictionary", 200, "RateLimit: limit=100, remaining=50, reset=5", say(in(0, 100, 50, 5*s))},
	{"a dictionary without a limit", 200, "RateLimit: remaining=50, reset=5", say(in(0, 0, 50, 5*s))},
	{"a dictionary without what is left", 200, "RateLimit: limit=50, reset=5", nil},
	{
		"fields of their own", 200,
		"RateLimit-Limit: 100~ RateLimit-Remaining: 50~ RateLimit-Reset: 5",
		say(in(0, 100, 50, 5*s)),
	},
	{
		"and the policies beside them", 200,
		"RateLimit-Limit: 10~ RateLimit-Remaining: 1~ RateLimit-Reset: 7~ RateLimit-Policy: 10;w=1, 10;w=60, 1000;w=3600",
		say(in(0, 10, 1, 7*s)),
	},
	{
		"and the policies beside them, the second one told", 200,
		"RateLimit-Limit: 50~ RateLimit-Remaining: 1~ RateLimit-Reset: 7~ RateLimit-Policy: 10;w=1, 50;w=60, 1000;w=3600",
		say(in(1, 50, 1, 7*s)),
	},
	{
		"Envoy's", 200,
		"x-ratelimit-limit: 3, 3;w=3600~ x-ratelimit-remaining: 2~ x-ratelimit-reset: 9",
		say(in(0, 3, 2, 9*s)),
	},
	{
		"Envoy's, of several", 200,
		"x-ratelimit-limit: 100, 10;w=1, 100;w=60;name=\"a;b\"~ x-ratelimit-remaining: 2~ x-ratelimit-reset: 9",
		say(in(1, 100, 2, 9*s)),
	},
	{
		"Envoy's, with a number that has no window", 200,
		"x-ratelimit-limit: 100, 7, 100;w=60~ x-ratelimit-remaining: 2~ x-ratelimit-reset: 9",
		say(in(0, 100, 2, 9*s)),
	},
	{
		"Docker Hub's", 200,
		"ratelimit-limit: 100;w=3600~ ratelimit-remaining: 25;w=3600",
		say(rule(0, 100, 75, time.Hour)),
	},
	{
		"Docker Hub's, the window beside what is left only", 200,
		"ratelimit-limit: 100~ ratelimit-remaining: 25;w=3600",
		say(rule(0, 100, 75, time.Hour)),
	},
	{
		"Docker Hub's, whose window lasts for hours", 200,
		"ratelimit-limit: 100;w=21600~ ratelimit-remaining: 5;w=21600",
		say(rule(0, 100, 0, 6*time.Hour)),
	},

	// What everybody does.
	{
		"X-RateLimit", 200,
		"X-RateLimit-Limit: 60~ X-RateLimit-Remaining: 59~ X-RateLimit-Reset: 30",
		say(in(0, 60, 59, 30*s)),
	},
	{
		"X-Rate-Limit", 200,
		"X-Rate-Limit-Limit: 60~ X-Rate-Limit-Remaining: 59~ X-Rate-Limit-Reset: 30",
		say(in(0, 60, 59, 30*s)),
	},
	{
		"two families, the first counts", 200,
		"X-RateLimit-Remaining: 5~ X-RateLimit-Reset: 3~ RateLimit-Remaining: 4~ RateLimit-Reset: 2", say(in(0, 0, 4, 2*s)),
	},
	{
		"a minute, an hour and a day", 200,
		"X-RateLimit-Limit-Minute: 20~ X-RateLimit-Remaining-Minute: 19~ " +
			"X-RateLimit-Limit-Hour: 500~ X-RateLimit-Remaining-Hour: 100~ X-RateLimit-Limit-Day: 900~ " +
			"X-RateLimit-Remaining-Day: 900~ RateLimit-Limit: 20~ RateLimit-Remaining: 19~ RateLimit-Reset: 41",
		say(in(0, 20, 19, 41*s), rule(1, 500, 400, time.Hour), rule(2, 900, 0, 24*time.Hour)),
	},
	{
		"a minute and an hour, of which the hour is the tighter one", 200,
		"X-RateLimit-Limit-Minute: 20~ X-RateLimit-Remaining-Minute: 19~ X-RateLimit-Limit-Hour: 500~ " +
			"X-RateLimit-Remaining-Hour: 3~ RateLimit-Limit: 500~ RateLimit-Remaining: 3~ RateLimit-Reset: 41",
		say(rule(0, 20, 1, 60*s), in(1, 500, 3, 41*s)),
	},
	{
		"a minute and an hour of which nothing tells the end", 200,
		"X-RateLimit-Limit-Minute: 20~ X-RateLimit-Remaining-Minute: 19~ X-RateLimit-Limit-Hour: 500~ " +
			"X-RateLimit-Remaining-Hour: 100",
		say(rule(0, 20, 1, 60*s), rule(1, 500, 400, time.Hour)),
	},
	{
		"a minute and an hour of which as much is left", 200,
		"X-RateLimit-Limit-Minute: 20~ X-RateLimit-Remaining-Minute: 3~ X-RateLimit-Limit-Hour: 500~ " +
			"X-RateLimit-Remaining-Hour: 3~ RateLimit-Limit: 500~ RateLimit-Remaining: 3~ RateLimit-Reset: 41",
		say(rule(0, 20, 17, 60*s), in(1, 500, 3, 41*s)),
	},
	{
		"a minute and an hour of the same numbers", 200,
		"X-RateLimit-Limit-Minute: 20~ X-RateLimit-Remaining-Minute: 3~ X-RateLimit-Limit-Hour: 20~ " +
			"X-RateLimit-Remaining-Hour: 3~ RateLimit-Limit: 20~ RateLimit-Remaining: 3~ RateLimit-Reset: 41",
		say(in(0, 20, 3, 41*s), rule(1, 20, 17, time.Hour)),
	},
	{
		"a minute, told in the newest form and by its name", 200,
		`RateLimit-Policy: "p";q=20;w=60~ RateLimit: "p";r=19;t=41~ X-RateLimit-Limit-Minute: 20~ ` +
			"X-RateLimit-Remaining-Minute: 19~ X-RateLimit-Limit-Hour: 500~ X-RateLimit-Remaining-Hour: 100",
		say(in(0, 20, 19, 41*s), rule(1, 500, 400, time.Hour)),
	},
	{
		"a minute without its limit, and an hour", 200,
		"X-RateLimit-Remaining-Minute: 19~ X-RateLimit-Limit-Hour: 500~ X-RateLimit-Remaining-Hour: 100~ " +
			"X-RateLimit-Reset-Hour: 99",
		say(in(1, 500, 100, 99*s)),
	},
	{
		"a month", 200,
		"X-RateLimit-Limit-Month: 1000~ X-RateLimit-Remaining-Month: 3~ X-RateLimit-Reset-Month: 99",
		say(in(0, 1000, 3, 99*s)),
	},
	{
		"a minute and an hour with resets of their own", 200,
		"X-RateLimit-Limit-Minute: 20~ X-RateLimit-Remaining-Minute: 19~ X-RateLimit-Reset-Minute: 41~ " +
			"X-RateLimit-Hour-Limit: 500~ X-RateLimit-Hour-Remaining: 100~ X-RateLimit-Hour-Reset: 1700003600",
		say(in(0, 20, 19, 41*s), at(1, 500, 100, date.Add(3601*s), 2*s)),
	},
	{
		"a second and an hour, and between them a minute that there is", 200,
		"X-RateLimit-Limit-Second: 5~ X-RateLimit-Remaining-Second: 4~ X-RateLimit-Reset-Second: 1~ " +
			"X-RateLimit-Limit-Hour: 500~ X-RateLimit-Remaining-Hour: 100~ X-RateLimit-Reset-Hour: 99~ " +
			"RateLimit-Policy: 60;w=60",
		say(in(0, 5, 4, s), in(2, 500, 100, 99*s)),
	},
	{
		"requests and tokens", 200, "x-ratelimit-limit-requests: 60~ x-ratelimit-remaining-requests: 59~ " +
			"x-ratelimit-reset-requests: 1s~ x-ratelimit-limit-tokens: 150000~ x-ratelimit-remaining-tokens: 149984~ " +
			"x-ratelimit-reset-tokens: 6m0s",
		say(after(0, 60, 59, s, 0)),
	},
	{
		"requests left, and no tokens", 200, "x-ratelimit-limit-requests: 60~ x-ratelimit-remaining-requests: 59~ " +
			"x-ratelimit-reset-requests: 20ms~ x-ratelimit-remaining-tokens: 0~ x-ratelimit-reset-tokens: 1m30s",
		say(after(0, 60, 59, 20*ms, 0), blocked(90*s)),
	},
	{
		"no tokens, in a window that is over", 200,
		"x-ratelimit-remaining-tokens: 0~ x-ratelimit-reset-tokens: 1699999990", nil,
	},
	{
		"a refusal for lack of tokens", 429, "x-ratelimit-limit-requests: 60~ x-ratelimit-remaining-requests: 59~ " +
			"x-ratelimit-reset-requests: 1s~ x-ratelimit-remaining-tokens: 0~ x-ratelimit-reset-tokens: 2s",
		say(after(0, 60, 59, s, 0), blocked(2*s), 2*s),
	},
	{"Shopify's", 200, "X-Shopify-Shop-Api-Call-Limit: 39/40", say(after(0, 40, 1, 19500*ms, 500*ms))},
	{"Shopify's, of a larger shop", 200, "X-Shopify-Shop-Api-Call-Limit: 1/400", say(after(0, 400, 399, 50*ms, 50*ms))},
	{
		"Shopify's, overflown", 429,
		"X-Shopify-Shop-Api-Call-Limit: 41/40~ Retry-After: 2.0",
		say(after(0, 40, 0, 20*s, 500*ms), 2*s),
	},
	{"Shopify's, of nothing", 200, "X-Shopify-Shop-Api-Call-Limit: 0/0", nil},
	{"Shopify's, below zero", 200, "X-Shopify-Shop-Api-Call-Limit: -1/40", nil},
	{"Shopify's, of many", 200, "X-Shopify-Shop-Api-Call-Limit: 39/many", nil},
	{
		"Riot's", 200,
		"X-App-Rate-Limit: 20:1,100:120~ X-App-Rate-Limit-Count: 16:1,90:120",
		say(rule(0, 20, 16, s), rule(1, 100, 90, 120*s)),
	},
	{
		"Riot's, of which more is used than there is", 200,
		"X-App-Rate-Limit: 20:1,100:120~ X-App-Rate-Limit-Count: 21:1,1:120",
		say(rule(0, 20, 20, s), rule(1, 100, 1, 120*s)),
	},
	{
		"Riot's, of which one makes no sense", 200,
		"X-App-Rate-Limit: many:1,100:120~ X-App-Rate-Limit-Count: 16:1,90:120",
		say(rule(0, 100, 90, 120*s)),
	},
	{"Riot's, without counts", 200, "X-App-Rate-Limit: 20:1,100:120", nil},
	{
		"Discord's", 200, "X-RateLimit-Limit: 5~ X-RateLimit-Remaining: 4~ X-RateLimit-Reset: 1470173023~ " +
			"X-RateLimit-Reset-After: 0.25~ X-RateLimit-Bucket: abcd~ X-RateLimit-Scope: user",
		say(after(0, 5, 4, 250*ms, 0)),
	},

	// When a window ends.
	{
		"epoch seconds", 200,
		"X-RateLimit-Remaining: 1~ X-RateLimit-Reset: 1700000030",
		say(at(0, 0, 1, date.Add(31*s), 2*s)),
	},
	{
		"epoch seconds with a fraction", 200,
		"X-RateLimit-Remaining: 1~ X-RateLimit-Reset: 1700000030.5",
		say(at(0, 0, 1, date.Add(30500*ms), 0)),
	},
	{
		"epoch milliseconds", 200,
		"X-RateLimit-Remaining: 1~ X-RateLimit-Reset: 1700000030250",
		say(at(0, 0, 1, date.Add(30250*ms), 0)),
	},
	{"seconds from now", 200, "X-RateLimit-Remaining: 1~ X-RateLimit-Reset: 30", say(in(0, 0, 1, 30*s))},
	{
		"seconds from now with a fraction", 200,
		"X-RateLimit-Remaining: 1~ X-RateLimit-Reset: 0.5",
		say(after(0, 0, 1, 500*ms, 0)),
	},
	{"a duration", 200, "X-RateLimit-Remaining: 1~ X-RateLimit-Reset: 6m0s", say(after(0, 0, 1, 6*time.Minute, 0))},
	{
		"RFC 3339", 200,
		"X-RateLimit-Remaining: 1~ X-RateLimit-Reset: 2023-11-14T23:13:30+01:00",
		say(at(0, 0, 1, date.Add(11*s), 2*s)),
	},
	{
		"a date of HTTP", 200,
		"X-RateLimit-Remaining: 1~ X-RateLimit-Reset: Tue, 14 Nov 2023 22:13:30 GMT",
		say(at(0, 0, 1, date.Add(11*s), 2*s)),
	},
	{
		"the same with UTC", 200,
		"X-RateLimit-Remaining: 1~ X-RateLimit-Reset: Tue, 14 Nov 2023 22:13:30 UTC",
		say(at(0, 0, 1, date.Add(11*s), 2*s)),
	},
	{
		"RFC 850", 200,
		"X-RateLimit-Remaining: 1~ X-RateLimit-Reset: Tuesday, 14-Nov-23 22:13:30 GMT",
		say(at(0, 0, 1, date.Add(11*s), 2*s)),
	},
	{
		"asctime", 200,
		"X-RateLimit-Remaining: 1~ X-RateLimit-Reset: Tue Nov 14 22:13:30 2023",
		say(at(0, 0, 1, date.Add(11*s), 2*s)),
	},
	{"a zone that is not UTC", 200, "X-RateLimit-Remaining: 1~ X-RateLimit-Reset: Tue, 14 Nov 2023 22:13:30 PST", nil},
	{
		"a minute ago", 200,
		"X-RateLimit-Remaining: 1~ X-RateLimit-Reset: 1699999940",
		say(at(0, 0, 1, date.Add(-59*s), 2*s)),
	},
	{"longer ago", 200, "X-RateLimit-Remaining: 1~ X-RateLimit-Reset: 1699999939", nil},
	{"in a hundred years", 200, "X-RateLimit-Remaining: 1~ X-RateLimit-Reset: 4855668000", nil},

	// How long to wait.
	{"Retry-After in seconds", 429, "Retry-After: 7", say(7 * s)},
	{"Retry-After as a date", 429, "Retry-After: Tue, 14 Nov 2023 22:13:30 GMT", say(10 * s)},
	{"Retry-After as a date of RFC 850", 429, "Retry-After: Tuesday, 14-Nov-23 22:13:30 GMT", say(10 * s)},
	{"Retry-After as asctime", 429, "Retry-After: Tue Nov 14 22:13:30 2023", say(10 * s)},
	{"Retry-After as an epoch", 429, "retry-after: 1700000010", say(10 * s)},
	{"Retry-After as an epoch in milliseconds", 429, "retry-after: 1700000010000", say(10 * s)},
	{"Retry-After with a fraction", 429, "Retry-After: 2.0", say(2 * s)},
	{"Retry-After with a unit", 429, "Retry-After: 1m30s", say(90 * s)},
	{"Retry-After below zero", 429, "Retry-After: -3", say(0 * s)},
	{"Retry-After of nothing", 429, "Retry-After: 0", say(0 * s)},
	{"Retry-After that is past", 429, "Retry-After: Tue, 14 Nov 2023 22:13:00 GMT", say(0 * s)},
	{"Retry-After in words", 429, "Retry-After: soon", say(0 * s)},
	{"milliseconds beside Retry-After", 429, "retry-after-ms: 1250~ Retry-After: 2", say(1250 * ms)},
	{"Azure's milliseconds", 429, "x-ms-retry-after-ms: 250", say(250 * ms)},
	{"Retry-After of nothing, beside one of something", 429, "Retry-After: 0~ X-Retry-After: 4", say(4 * s)},
	{"Retry-After of no seconds, beside one of some", 429, "Retry-After: 0s~ X-Retry-After: 4", say(4 * s)},
	{"X-Retry-After", 429, "X-Retry-After: 4", say(4 * s)},
	{"X-RateLimit-Retry-After", 429, "X-RateLimit-Retry-After: 4", say(4 * s)},
	{
		"a refusal whose window is over leaves the wait to the registry, a second at least", 429,
		"X-RateLimit-Remaining: 0~ X-RateLimit-Reset: 1699999990", say(at(0, 0, 0, date.Add(-9*s), 2*s), 0*s),
	},
}

func say(v ...any) []any { return v }

func header(fields string) http.Header {
	h := http.Header{"Date": {date.Format(http.TimeFormat)}}
	for line := range strings.SplitSeq(fields, "~ ") {
		if name, v, ok := strings.Cut(line, ": "); ok {
			h.Add(name, v)
		}
	}
	return h
}

func TestEveryFormOfHeaderFieldsSaysWhatItMeans(t *testing.T) {
	p := headers.New(nil)
	req := request("https://api.example/")
	call, _ := p.Classify(req, time.Time{})
	for _, tt := range rows {
		t.Run(tt.name, func(t *testing.T) {
			var want providers.Verdict
			for _, v := range tt.want {
				switch v := v.(type) {
				case ranked:
					v.Key = call.Draws[v.rank].Key
					want.Updates = append(want.Updates, v.Window)
				case ruled:
					v.Key = call.Draws[v.rank].Key
					want.Updates = append(want.Updates, v.Rule)
				case blocked:
					want.Updates = append(want.Updates, bucket.Block{Key: call.Draws[0].Key, For: time.Duration(v)})
				case time.Duration:
					want.Refused, want.Scope = true, providers.ScopeUnknown
					want.Updates = append(want.Updates, bucket.Block{Key: call.Draws[0].Key, For: v})
				}
			}
			a := &providers.Answer{Status: tt.status, Header: header(tt.header), Received: received}
			if got := plain(p.Judge(req, &call, a)); !reflect.DeepEqual(got, want) {
				t.Errorf("got  %+v\nwant %+v", got, want)
			}
		})
	}
}

func TestFieldsThatTellOfOneThingTwiceAlwaysMeanTheSame(t *testing.T) {
	p := headers.New(nil)
	req := request("https://api.example/")
	call, _ := p.Classify(req, time.Time{})
	h := header("x-ratelimit-remaining-tokens: 0~ x-ratelimit-reset-tokens: 5s~ " +
		"x-ratelimit-remaining-tokens-minute: 9~ x-ratelimit-reset-tokens-minute: 1s")
	want := []bucket.Update{bucket.Block{Key: call.Draws[0].Key, For: 5 * s}}
	for range 100 {
		a := &providers.Answer{Status: 200, Header: h.Clone(), Received: received}
		if got := p.Judge(req, &call, a).Updates; !reflect.DeepEqual(got, want) {
			t.Fatalf("got %+v, want %+v", got, want)
		}
	}
}
