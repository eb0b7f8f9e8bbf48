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
	trigger:  {PerMinute: 10}, // https://docs.slack.dev/apis/web-api/rate-limits
	files:    {PerMinute: -1}, // not published
	audit:    {PerMinute: 50}, // https://docs.slack.dev/reference/audit-logs-api/methods-actions-reference
	apiOther: {PerMinute: -1},

	// Those of all SCIM apps of an organization, and of each endpoint:
	// https://docs.slack.dev/reference/scim-api/rate-limits
	scimRead:             {PerMinute: 1000, Burst: 1000},
	scimWrite:            {PerMinute: 600, Burst: 180},
	"scim.users.get":     {PerMinute: 300, Burst: 300},
	"scim.users.post":    {PerMinute: 180, Burst: 20},
	"scim.users.put":     {PerMinute: 180, Burst: 20},
	"scim.users.delete":  {PerMinute: 180, Burst: 20},
	"scim.groups.get":    {PerMinute: 300, Burst: 300},
	"scim.groups.post":   {PerMinute: 180, Burst: 20},
	"scim.groups.put":    {PerMinute: 180, Burst: 80},
	"scim.groups.delete": {PerMinute: 180, Burst: 20},
}

// responses are what a response_url takes: five messages within half an hour, after which it is dead.
// https://docs.slack.dev/interactivity/handling-user-interaction
var responses = bucket.Policy{Quota: 5, Window: 30 * time.Minute}

// A narrowLimit is a limit on a part of a method's calls: those with one token and, where it says so, about one user.
type narrowLimit struct {
	limit string
	Limit
	user bool
}

// narrows are the narrow limits of methods.
var narrows = map[string][]narrowLimit{
	// https://docs.slack.dev/apis/web-api/rate-limits: 10 a minute for a user, 30 over all of them
	"users.profile.set": {
		{"users.profile.set.user", Limit{PerMinute: 10}, true},
		{"users.profile.set.token", Limit{PerMinute: 30}, false},
	},
	// https://docs.slack.dev/reference/methods/assistant.search.context: 10 a minute for each user, who has a token
	"assistant.search.context": {{"assistant.search.context.user", Limit{PerMinute: 10}, false}},
	// https://docs.slack.dev/reference/methods/conversations.inviteShared: so many for each user, no page says how many
	"conversations.inviteShared": {{inviteLimit, Limit{PerMinute: -1}, false}},
}

const inviteLimit = "conversations.inviteShared.user"

// reserved are the names in Options.Limits that a method cannot have.
var reserved = func() map[string]bool {
	names := map[string]bool{post: true, other: true}
	for _, all := range narrows {
		for _, n := range all {
			names[n.limit] = true
		}
	}
	return names
}()

// nonMarketplace are the methods that apps sold outside of the Marketplace may call but nonMarketplacePerMinute times:
// https://docs.slack.dev/changelog/2025/05/29/rate-limit-changes-for-non-marketplace-apps
var nonMarketplace = map[string]bool{"conversations.history": true, "conversations.replies": true}

const nonMarketplacePerMinute = 1

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
func (l Limit) policy() bucket.Policy {
	if l.PerMinute <= 0 {
		return bucket.Policy{}
	}
	if l.Burst <= 0 {
		l.Burst = (l.PerMinute-1)/4 + 1
	}
	every := time.Minute / time.Duration(l.PerMinute)
	return bucket.Policy{Quota: l.PerMinute, Window: time.Minute, Every: every, Burst: l.Burst}
}

// policies has one Policy for all that are equal.
type policies map[bucket.Policy]*bucket.Policy

func (ps policies) of(p bucket.Policy) *bucket.Policy {
	if ps[p] == nil {
		ps[p] = &p
	}
	return ps[p]
}

func channelPace(every time.Duration, burst int) bucket.Policy {
	switch {
	case every < 0:
		return bucket.Policy{}
	case every == 0:
		every = time.Second // https://docs.slack.dev/apis/web-api/rate-limits
	}
	return bucket.Policy{Every: every, Burst: max(burst, 1)}
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
	burst     int
	effect    effect
	team      bool // whether it can take a team_id
}

// wants is which arguments matter to it.
func (r *row) wants() wants {
	w := wantToken
	if r.effect == posts {
		w |= wantChannel
	}
	if r.team {
		w |= wantTeam
	}
	return w
}

//go:generate sh -c "go run ./internal/methods > methods.tmp && mv methods.tmp methods.csv"
//go:embed methods.csv
var methodsCSV string

// table returns the methods of methods.csv, whose head says where they are from.
var table = sync.OnceValue(func() []row {
	rows := make([]row, 0, 400)
	for line := range strings.Lines(methodsCSV) {
		if strings.HasPrefix(line, "#") || strings.HasPrefix(line, "method,") {
			continue
		}
		f := strings.SplitN(line, ",", 7)
		if len(f) != 7 {
			panic("bug: slack: methods.csv: " + line)
		}
		r := row{name: f[0], team: f[5] != ""}
		if n, err := strconv.Atoi(f[1]); err == nil {
			r.tier, r.perMinute = n, tiers[n]
		} else {
			r.perMinute = tiers[unknownTier]
		}
		if n, err := strconv.Atoi(f[2]); err == nil {
			r.perMinute = n
		}
		if n, err := strconv.Atoi(f[3]); err == nil {
			r.burst = n
		}
		switch f[4] {
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
