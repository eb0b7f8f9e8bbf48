package discordtest

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"maps"
	"strings"
	"time"
)

// A Limit is a limit on a route.
type Limit struct {
	// N requests may come in each Window. N = 0 is no limit, and answers without rate-limit headers; a Window of 0 is
	// a second.
	N      int
	Window time.Duration
	// Sliding lets requests come back one by one, each Window/N, instead of all at the end of the window.
	Sliding bool
	// Hash is what answers tell as the bucket. Routes with the same hash share a counter and should have the same
	// numbers. Empty means a hash of the route's name.
	Hash string
	// Counter names what counts the requests, if not the hash: it lets routes tell one hash and yet be counted apart,
	// or tell several and yet be counted together. Paths of /api/v6 do not heed it, nor the hash.
	Counter string
	// Silent leaves the X-RateLimit fields out of all answers: only a refusal shows the limit, by its Retry-After and
	// the scope.
	Silent bool
}

// Discord asks not to hard-code limits and publishes few: https://docs.discord.com/developers/topics/rate-limits
// These are numbers that people have met.
var defaults = map[string]Limit{
	"POST /channels/{channel}/messages": {N: 5, Window: 5 * time.Second},
	// https://github.com/discord/discord-api-docs/issues/8330
	deleteMessage: {N: 3, Window: 333 * time.Millisecond},
	youngDeletion: {N: 5, Window: time.Second},
	oldDeletion:   {N: 30, Window: 4 * time.Second},
	// https://github.com/discord/discord-api-docs/issues/4413; the numbers are those of
	// https://github.com/circuitsacul/starboard-4/issues/118
	oldEdit: {N: 3, Window: 20 * time.Second},
	// https://github.com/discord/discord-api-docs/issues/182
	"PUT " + reactions + "/{reaction}/@me":     reaction,
	"DELETE " + reactions + "/{reaction}/@me":  reaction,
	"DELETE " + reactions + "/{reaction}/{id}": reaction,
	"DELETE " + reactions + "/{reaction}":      reaction,
	"DELETE " + reactions:                      reaction,
	// https://github.com/discord/discord-api-docs/issues/2190
	patchChannel: {N: 10, Window: 15 * time.Second},
	rename:       {N: 2, Window: 10 * time.Minute},
	// https://github.com/discord/discord-api-docs/issues/6753
	executeWebhook:    {N: 5, Window: 2 * time.Second},
	ofWebhooksChannel: {N: 30, Window: time.Minute},
	// https://github.com/discordjs/discord.js/issues/4956
	"POST /channels/{channel}/messages/{message}/crosspost": {N: 10, Window: time.Hour},
	// https://github.com/discord/discord-api-docs/issues/4008
	"POST /guilds/{guild}/emojis": {N: 50, Window: time.Hour},
	// https://docs.discord.com/developers/interactions/receiving-and-responding
	callback: {},
}

const (
	deleteMessage  = "DELETE /channels/{channel}/messages/{message}"
	patchMessage   = "PATCH /channels/{channel}/messages/{message}"
	patchChannel   = "PATCH /channels/{channel}"
	executeWebhook = "POST /webhooks/{webhook}/{token}"
	reactions      = "/channels/{channel}/messages/{message}/reactions"
	callback       = "POST /interactions/{interaction}/{token}/callback"
)

// Limits on some requests of a route.
const (
	youngDeletion     = deleteMessage + " young"
	oldDeletion       = deleteMessage + " old"
	oldEdit           = patchMessage + " old"
	rename            = patchChannel + " name"
	ofWebhooksChannel = executeWebhook + " channel"
)

// also is behind the name of a second limit on all requests of a route.
const also = " also"

var (
	reaction = Limit{N: 1, Window: 250 * time.Millisecond, Hash: hash("reactions")}
	// other is the limit of every route that is not listed, made up and on the low side.
	other = Limit{N: 10, Window: 10 * time.Second}
)

// hash makes what looks like one of Discord's hashes.
func hash(name string) string {
	sum := sha256.Sum256([]byte(name))
	return hex.EncodeToString(sum[:16])
}

// limits knows the limit of every route.
type limits struct {
	routes map[string]Limit // by name
	paths  map[string]Limit // by path without a method: the strictest of its routes
	change func(name string, since time.Duration, l Limit) Limit
}

func newLimits(opts Options) limits {
	l := limits{routes: maps.Clone(defaults), paths: map[string]Limit{}, change: opts.Change}
	for name, on := range map[string]bool{
		youngDeletion: opts.DeletionAges, oldDeletion: opts.DeletionAges, oldEdit: opts.OldEdits, rename: opts.Renames,
	} {
		if !on {
			delete(l.routes, name)
		}
	}
	maps.Copy(l.routes, opts.Limits)
	for name, limit := range l.routes {
		method, path, _ := strings.Cut(name, " ")
		if method == "" || strings.Contains(path, " ") || name == deleteMessage {
			continue
		}
		if old, ok := l.paths[path]; !ok || limit.stricter(old) {
			l.paths[path] = limit
		}
	}
	return l
}

// of returns the limit on a route, so long after the server was made, and the name of its counter.
func (l limits) of(rt *route, since time.Duration) (limit Limit, name string) {
	if rt.old() && !strings.HasPrefix(rt.name, deleteMessage) {
		return l.at(since, l.paths, rt.path), rt.path
	}
	limit = l.at(since, l.routes, rt.name)
	name = rt.name
	if !rt.old() {
		name = cmp.Or(limit.Counter, limit.Hash, name)
	}
	limit.Hash = cmp.Or(limit.Hash, hash(rt.name))
	return limit, name
}

// has reports whether there is a limit of a name that is about some requests of a route only.
func (l limits) has(name string) bool { _, ok := l.routes[name]; return ok }

// sub returns the limit of a name that requests of a route are under besides, and the name of its counter. Its Hash is
// empty if nothing tells of it.
func (l limits) sub(name string, since time.Duration) (limit Limit, counter string) {
	limit = l.at(since, l.routes, name)
	return limit, cmp.Or(limit.Counter, name)
}

func (l limits) at(since time.Duration, from map[string]Limit, name string) Limit {
	limit, ok := from[name]
	if !ok {
		limit = other
	}
	if l.change != nil {
		limit = l.change(name, since, limit)
	}
	if limit.Window <= 0 {
		limit.Window = time.Second
	}
	return limit
}

// stricter compares requests per time; of equals the one whose requests come more at once is stricter, to be definite.
func (l Limit) stricter(than Limit) bool {
	a, b := float64(l.N)*float64(than.Window), float64(than.N)*float64(l.Window)
	switch {
	case than.N <= 0 || l.N <= 0:
		return than.N <= 0 && l.N > 0
	case a == b:
		return l.N < than.N
	}
	return a < b
}

// period is how long a sliding window takes to let one request come back.
func (l Limit) period() time.Duration { return max(l.Window/time.Duration(l.N), 1) }
