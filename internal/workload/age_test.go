package workload_test

import (
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/underlimit/underlimit/providers/discord/discordtest"
)

const deleteMessage = "DELETE /channels/{channel}/messages/{message}"

// deletions is n deletions of messages of an age in one channel.
func deletions(age time.Duration, n int) []call {
	const epoch = 1420070400000 // https://docs.discord.com/developers/reference#snowflakes
	calls := messages("/v10", 1, n)
	made := time.Now().Add(-age).UnixMilli() - epoch
	for i := range calls {
		calls[i].method, calls[i].body = http.MethodDelete, ""
		calls[i].url += "/" + strconv.FormatInt(made<<22|int64(i), 10)
	}
	return calls
}

// mixed has the calls of some kinds made in turn, as many of each as it has.
func mixed(kinds ...[]call) (all []call) {
	for i := 0; slices.ContainsFunc(kinds, func(k []call) bool { return i < len(k) }); i++ {
		for _, k := range kinds {
			if i < len(k) {
				all = append(all, k[i])
			}
		}
	}
	return all
}

// afterTheEpoch runs a test at a time at which Discord's ids tell ages, as they do not in the year 2000.
func afterTheEpoch(t *testing.T, f func(t *testing.T)) {
	synctest.Test(t, func(t *testing.T) {
		time.Sleep(time.Until(time.Date(2026, time.May, 23, 12, 0, 0, 0, time.UTC)))
		f(t)
	})
}

// Ages that are neither young nor close to a border.
const (
	anHour = time.Hour
	aMonth = 30 * 24 * time.Hour
)

func TestDiscordDeletionsWaitForThoseOfTheirAgeOnly(t *testing.T) {
	const n = 120
	sliding := map[string]discordtest.Limit{
		deleteMessage:            {N: 3, Window: 333 * time.Millisecond, Sliding: true},
		deleteMessage + " young": {N: 5, Window: time.Second, Sliding: true},
		deleteMessage + " old":   {N: 30, Window: 4 * time.Second, Sliding: true},
	}
	for name, limits := range map[string]map[string]discordtest.Limit{"fixed windows": nil, "sliding ones": sliding} {
		for how, order := range map[string]func(...[]call) []call{"in turn": mixed, "old first": slices.Concat[[]call]} {
			t.Run(name+", "+how, func(t *testing.T) {
				afterTheEpoch(t, func(t *testing.T) {
					f := discordFake(discordtest.Options{Global: -1, DeletionAges: true, Limits: limits})
					defer f.Close()
					// 30 old ones in 4 s. Those between, 3 in a third of a second, and the young ones, 5 in a second, are
					// through sooner: 60/3 windows and 30/5.
					calls := order(deletions(aMonth, n), deletions(anHour, 60), deletions(0, 30))
					run(t, routesOnly(), f, calls, (n/30-1)*4*time.Second+roundTrip)
				})
			})
		}
	}
}

func TestDiscordMessagesThatGetOlderWhileTheirDeletionsWaitCostFewRefusals(t *testing.T) {
	afterTheEpoch(t, func(t *testing.T) {
		f := discordFake(discordtest.Options{Global: -1, DeletionAges: true})
		defer f.Close()
		client, registry := newClient(routesOnly(), f)
		// At 5 a second, half of the young ones go after their ten seconds, and then fall under the limit of the others.
		took := all(t, client, mixed(deletions(0, 100), deletions(anHour, 100)))
		report := f.Report()
		// Only those that go together do not know of it from one another.
		if report.Refused > 5 || report.ViolationCount != 0 || report.OK != 200 {
			t.Errorf("%d refused, %d violations, %d processed after %v: %v",
				report.Refused, report.ViolationCount, report.OK, took, report.RefusedBy)
		}
		// The best possible is 50 young ones until then, and meanwhile and afterwards 3 of the others in a third of a second.
		const window = 333 * time.Millisecond
		if best := (150/3-1)*window + roundTrip; took > best+5*window {
			t.Errorf("took %v, want at most five windows more than %v", took, best)
		}
		idle(t, registry)
	})
}

// Below version 8, times are told in whole seconds, rounded up: a window of a third of one looks like one of a second.
func TestDiscordDeletionsInTheOldDialectAreNotRefused(t *testing.T) {
	for _, version := range []string{"/v6", "/v7", ""} {
		t.Run("path"+version, func(t *testing.T) {
			afterTheEpoch(t, func(t *testing.T) {
				f := discordFake(discordtest.Options{Global: -1, DeletionAges: true})
				defer f.Close()
				calls := mixed(deletions(aMonth, 120), deletions(anHour, 60), deletions(0, 30))
				for i := range calls {
					calls[i].url = strings.Replace(calls[i].url, "/v10", version, 1)
				}
				client, registry := newClient(routesOnly(), f)
				before := f.Report()
				took := all(t, client, calls)
				clean(t, f, before, registry, len(calls))
				if most := 60/3*time.Second + roundTrip; took > most { // of those between
					t.Errorf("took %v, want at most %v", took, most)
				}
			})
		})
	}
}
