package slack

import (
	_ "embed"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/underlimit/underlimit/bucket"
)

const postMessage = "chat.postMessage"

// tiers are how many calls a minute each tier is sure of: https://docs.slack.dev/apis/web-api/rate-limits
var tiers = [...]int{1: 1, 2: 20, 3: 50, 4: 100}

// unknownTier is the tier of methods that the table does not have, or of which no number is published.
const unknownTier = 2

// restLimits are those of what are no methods of the Web API. A negative one has no documented limit, so only refusals
// hold it.
var restLimits = map[string]Limit{
	trigger:   {PerMinute: 10},                // https://docs.slack.dev/apis/web-api/rate-limits
	response:  {PerMinute: -1},                // five uses in all, which no waiting adds to
	files:     {PerMinute: -1},                // not published
	audit:     {PerMinute: 50},                // https://docs.slack.dev/reference/audit-logs-api/methods-actions-reference
	scimRead:  {PerMinute: 1000, Burst: 1000}, // https://docs.slack.dev/reference/scim-api/rate-limits
	scimWrite: {PerMinute: 600, Burst: 180},   // the same
	apiOther:  {PerMinute: -1},
}

// or returns l with what an override says instead.
func (l Limit) or(override Limit) Limit {
	if override.PerMinute != 0 {
		l = Limit{PerMinute: override.PerMinute}
	}
	if override.Burst != 0 {
		l.Burst = override.Burst
	}
	return l
}

// policy returns the limit in both shapes: Slack promises the quota, and spreading it keeps clear of bursts that no
// page gives a number for.
func (l Limit) policy() *bucket.Policy {
	if l.PerMinute <= 0 {
		return &bucket.Policy{}
	}
	if l.Burst <= 0 {
		l.Burst = (l.PerMinute-1)/4 + 1
	}
	every := time.Minute / time.Duration(l.PerMinute)
	return &bucket.Policy{Quota: l.PerMinute, Window: time.Minute, Every: every, Burst: l.Burst}
}

// policies has one Policy for all methods of one limit.
type policies map[Limit]*bucket.Policy

func (ps policies) of(l Limit) *bucket.Policy {
	if ps[l] == nil {
		ps[l] = l.policy()
	}
	return ps[l]
}

func channelPace(every time.Duration, burst int) *bucket.Policy {
	switch {
	case every < 0:
		return &bucket.Policy{}
	case every == 0:
		every = time.Second // https://docs.slack.dev/apis/web-api/rate-limits
	}
	return &bucket.Policy{Every: every, Burst: max(burst, 1)}
}

// An effect is what a method does.
type effect uint8

const (
	reads  effect = iota // nothing that repeating it would do twice
	writes               // anything else
	posts                // puts a message into a channel at once, which is a write, too
)

// A row is a method of the table.
type row struct {
	name      string
	tier      int // 0: none of the four
	perMinute int
	effect    effect
}

//go:embed methods.csv
var methodsCSV string

// table returns the methods of methods.csv, whose head says where they are from.
var table = sync.OnceValue(func() []row {
	rows := make([]row, 0, 400)
	for line := range strings.Lines(methodsCSV) {
		if strings.HasPrefix(line, "#") || strings.HasPrefix(line, "method,") {
			continue
		}
		f := strings.SplitN(line, ",", 5)
		if len(f) != 5 {
			panic("bug: slack: methods.csv: " + line)
		}
		r := row{name: f[0]}
		if n, err := strconv.Atoi(f[1]); err == nil {
			r.tier, r.perMinute = n, tiers[n]
		} else {
			r.perMinute = tiers[unknownTier]
		}
		if n, err := strconv.Atoi(f[2]); err == nil {
			r.perMinute = n
		}
		switch f[3] {
		case "read":
			r.effect = reads
		case "post":
			r.effect = posts
		default:
			r.effect = writes
		}
		rows = append(rows, r)
	}
	return rows
})

// maxMethod is longer than any method's name.
const maxMethod = 80

// validMethod says whether s can be the name of a method, and so be shown.
func validMethod(s string) bool {
	if s == "" || len(s) > maxMethod {
		return false
	}
	for _, c := range []byte(s) {
		if !('a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || c == '.') {
			return false
		}
	}
	return true
}
