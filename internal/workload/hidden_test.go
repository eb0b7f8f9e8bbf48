package workload_test

import (
	"net/http"
	"path"
	"strconv"
	"testing"
	"testing/synctest"
	"time"

	"github.com/underlimit/underlimit/providers/discord/discordtest"
)

// through fails the test unless the calls are processed in about the best possible time, with no more refusals than
// that, of which none came by going on in spite of another.
func through(t *testing.T, o discordtest.Options, calls []call, best time.Duration, most int) {
	t.Helper()
	f := discordFake(o)
	defer f.Close()
	client, _ := newClient(routesOnly(), f)
	quick(t, all(t, client, calls), best)
	if r := f.Report(); r.Refused > most || r.ViolationCount != 0 || r.OK != len(calls) {
		t.Errorf("%v refused, violations %v, %d processed; want at most %d, none, %d",
			r.RefusedBy, r.Violations, r.OK, most, len(calls))
	}
}

func TestEditsOfOldMessagesAreRefusedOnceAWindowAndHoldBackNoOthers(t *testing.T) {
	const old, posts = 24, 100
	afterTheEpoch(t, func(t *testing.T) {
		f := discordFake(discordtest.Options{OldEdits: true})
		defer f.Close()
		client, _ := newClient(routesOnly(), f)
		took := make(chan time.Duration)
		go func() { took <- all(t, client, messages("/v10", 1, posts)) }()
		quick(t, all(t, client, edits(1, old)), (old/3-1)*20*time.Second+roundTrip) // three in 20 s
		quick(t, <-took, (posts/5-1)*5*time.Second+roundTrip)
		if r := f.Report(); r.Refused > old/3-1 || r.ViolationCount != 0 || r.OK != old+posts {
			t.Errorf("%v refused, violations %v, %d processed", r.RefusedBy, r.Violations, r.OK)
		}
	})
}

// What is sent before the first refusal of a window is refused with it: nothing tells how much such a window holds.
func TestALimitThatNoHeaderTellsIsWaitedFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		calls := messages("/v10", 1, 20)
		for i := range calls {
			calls[i].url = "https://discord.com/api/v10/guilds/1/emojis"
		}
		through(t, discordtest.Options{Limits: map[string]discordtest.Limit{
			"POST /guilds/{guild}/emojis": {N: 5, Window: time.Minute, Silent: true},
		}}, calls, 3*time.Minute+roundTrip, 15+10+5)
	})
}

// The same, with a wide limit in the headers that does not matter.
func TestASecondLimitOfARouteIsWaitedFor(t *testing.T) {
	for name, hash := range map[string]string{"not told of": "", "told when it refuses": "narrow"} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				calls := messages("/v10", 1, 120)
				for i := range calls {
					calls[i].method, calls[i].url, calls[i].body = http.MethodGet, "https://discord.com/api/v10/users/7", ""
				}
				through(t, discordtest.Options{Global: -1, Limits: map[string]discordtest.Limit{
					"GET /users/{user}":      {N: 2000, Window: time.Minute},
					"GET /users/{user} also": {N: 40, Window: 30 * time.Second, Hash: hash},
				}}, calls, 2*30*time.Second+roundTrip, 80+40)
			})
		})
	}
}

func TestALongWaitInABodyIsBelievedRatherThanAShortOneInAHeader(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const after = 1163097 * time.Millisecond
		refusal := discordtest.Refusal{Scope: discordtest.Shared, After: after, Header: time.Second, Code: 20028}
		through(t, discordtest.Options{Refuse: func(*http.Request) (now discordtest.Refusal) {
			now, refusal = refusal, now
			return now
		}}, messages("/v10", 1, 5), after+roundTrip, 1)
	})
}

// Deletions of messages that are gone count as those of young ones, which nobody can know before they are answered.
func TestDeletionsOfMessagesThatAreGoneTakeNothingFromTheOthers(t *testing.T) {
	const old, between, gone = 220, 60, 20 // of each, every 20th is gone
	afterTheEpoch(t, func(t *testing.T) {
		f := discordFake(discordtest.Options{Global: -1, DeletionAges: true, Missing: func(r *http.Request) bool {
			id, _ := strconv.Atoi(path.Base(r.URL.Path))
			return id%(1<<22)%gone == 0
		}})
		defer f.Close()
		client, _ := newClient(routesOnly(), f)
		start := time.Now()
		send(t.Context(), client, spaced(0, 1, mixed(deletions(aMonth, old), deletions(anHour, between))))
		quick(t, time.Since(start), (old-old/gone)/30*4*time.Second+roundTrip) // in seven windows, not in eight
		if r := f.Report(); r.Refused != 0 || r.ViolationCount != 0 || r.Calls != old+between {
			t.Errorf("%v refused, violations %v, %d calls", r.RefusedBy, r.Violations, r.Calls)
		}
	})
}
