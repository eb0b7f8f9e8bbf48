package workload_test

import (
	"bytes"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/underlimit/underlimit/bucket"
	"github.com/underlimit/underlimit/providers/discord"
	"github.com/underlimit/underlimit/providers/discord/discordtest"
	"github.com/underlimit/underlimit/transport"
)

// What follows is about limits of which only refusals tell: the first one teaches how they are kept from then on.

// newNames is n changes of the name of each of so many channels, the channels in turn.
func newNames(channels, n int) []call {
	calls := messages("/v10", channels, n)
	for i := range calls {
		calls[i].method, calls[i].body = http.MethodPatch, fmt.Sprintf(`{"name":"name %d"}`, i)
		calls[i].url = strings.TrimSuffix(calls[i].url, "/messages")
	}
	return calls
}

// oneRefusal fails the test unless all of so many calls were processed, and only one refused.
func oneRefusal(t *testing.T, f fake, calls int) {
	t.Helper()
	if r := f.Report(); r.Refused != 1 || r.ViolationCount != 0 || r.OK != calls {
		t.Errorf("%d refused, %d violations, %d processed; want 1, 0, %d: %v",
			r.Refused, r.ViolationCount, r.OK, calls, r.RefusedBy)
	}
}

func TestAHiddenLimitRefusesOneRequestInHours(t *testing.T) {
	for channels, n := range map[int]int{1: 60, 8: 30} {
		for how, every := range map[string]time.Duration{"at once": 0, "now and then": 90 * time.Second} {
			t.Run(fmt.Sprint(n, " renames of ", channels, " channels ", how), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					f := discordFake(discordtest.Options{Renames: true})
					defer f.Close()
					client, _ := newClient(discord.New(nil), f)
					calls := newNames(channels, n)
					took := all(t, client, spaced(0, every/time.Duration(channels), calls))
					// Two in each ten minutes, of each channel.
					quick(t, took, time.Duration(n/2-1)*10*time.Minute+roundTrip)
					oneRefusal(t, f, len(calls))
				})
			})
		}
	}
}

func TestAHiddenLimitThatTellsOfItselfAsItRefusesDoesSoOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := discordFake(discordtest.Options{Limits: map[string]discordtest.Limit{
			patchChannel:           {N: 10, Window: 15 * time.Second},
			patchChannel + " name": {N: 2, Window: 10 * time.Minute, Hash: "narrow"},
		}})
		defer f.Close()
		client, _ := newClient(discord.New(nil), f)
		quick(t, all(t, client, newNames(3, 30)), 14*10*time.Minute+roundTrip)
		oneRefusal(t, f, 90)
	})
}

func TestTheHiddenLimitOfAWebhooksChannelRefusesOneMessageInHours(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := direct{discordFake(discordtest.Options{WebhookChannel: func(string) string { return "3" }})}
		defer f.Close()
		client, _ := newClient(discord.New(nil), f)
		// Thirty a minute, and five in two seconds.
		const minutes = 60
		quick(t, all(t, client, hook("1", 30*minutes)), (minutes-1)*time.Minute+10*time.Second+roundTrip)
		oneRefusal(t, f, 30*minutes)
	})
}

func TestEachOfTheWebhooksOfAChannelLearnsItsShare(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := direct{discordFake(discordtest.Options{WebhookChannel: func(string) string { return "3" }})}
		defer f.Close()
		client, _ := newClient(discord.New(nil), f)
		const minutes = 40
		calls := mixed(hook("1", 10*minutes), hook("2", 10*minutes), hook("3", 10*minutes))
		took := all(t, client, calls)
		if took > (minutes+20)*time.Minute {
			t.Errorf("took %v", took)
		}
		if r := f.Report(); r.Refused > 3 || r.ViolationCount != 0 || r.OK != len(calls) {
			t.Errorf("%d refused, %d violations, %d processed; want at most one for each: %v",
				r.Refused, r.ViolationCount, r.OK, r.RefusedBy)
		}
	})
}

func TestTheHiddenLimitOfEditsOfOldMessagesRefusesOneInHours(t *testing.T) {
	afterTheEpoch(t, func(t *testing.T) {
		f := discordFake(discordtest.Options{OldEdits: true, Limits: map[string]discordtest.Limit{
			patchMessage + " old": {N: 3, Window: time.Minute},
		}})
		defer f.Close()
		client, _ := newClient(discord.New(nil), f)
		calls := deletions(2*anHour, 300)
		for i := range calls {
			calls[i].method, calls[i].body = http.MethodPatch, `{"content":"x"}`
		}
		quick(t, all(t, client, calls), 99*time.Minute+roundTrip)
		oneRefusal(t, f, len(calls))
	})
}

func TestAHiddenLimitIsKnownAfterARestart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := discordFake(discordtest.Options{Renames: true})
		defer f.Close()
		client, registry := newClient(discord.New(nil), f)
		all(t, client, newNames(2, 6))
		var state bytes.Buffer
		if err := registry.Save(&state); err != nil {
			t.Fatal(err)
		}
		next := bucket.NewRegistry(nil)
		if err := next.Load(&state); err != nil {
			t.Fatal(err)
		}
		client = &http.Client{Transport: transport.New(discord.New(nil), &transport.Options{Base: f.Transport(), Buckets: next})}
		quick(t, all(t, client, newNames(4, 6)), 3*10*time.Minute) // those of the first two wait for what went before
		oneRefusal(t, f, 12+24)
	})
}

func TestAHiddenLimitThatWasRaisedIsLearnedAnewInTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := discordFake(discordtest.Options{
			Renames: true,
			Change: func(name string, since time.Duration, l discordtest.Limit) discordtest.Limit {
				if name == patchChannel+" name" && since > 12*time.Hour {
					l.N = 6
				}
				return l
			},
		})
		defer f.Close()
		client, _ := newClient(discord.New(nil), f)
		// The first day's worth at two in ten minutes, then at six.
		const first = 24 * 6 * 2
		took := all(t, client, newNames(1, first+6*6*20))
		if most := 45*time.Hour + 10*time.Minute; took > most {
			t.Errorf("took %v, want at most %v", took, most)
		}
		if r := f.Report(); r.Refused != 2 || r.ViolationCount != 0 {
			t.Errorf("%d refused, %d violations; want one for each limit, and none: %v", r.Refused, r.ViolationCount, r.RefusedBy)
		}
	})
}

// Others use up the emoji of a guild, too: what one guild shows is not taken for what the next allows.
func TestTheHiddenLimitOfEmojiRefusesOneInEachGuild(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const route = "POST /guilds/{guild}/emojis"
		f := discordFake(discordtest.Options{Global: -1, Limits: map[string]discordtest.Limit{
			route: {}, route + " also": {N: 50, Window: time.Hour},
		}})
		defer f.Close()
		client, _ := newClient(routesOnly(), f)
		calls := messages("/v10", 3, 250)
		for i := range calls {
			calls[i].url = fmt.Sprintf("https://discord.com/api/v10/guilds/%d/emojis", 5+i%3)
			calls[i].body = `{"name":"x","image":"data:image/png;base64,"}`
		}
		quick(t, all(t, client, calls), 4*time.Hour+roundTrip)
		if r := f.Report(); r.Refused != 3 || r.ViolationCount != 0 || r.OK != len(calls) {
			t.Errorf("%d refused, %d violations, %d processed; want 3, 0, %d: %v",
				r.Refused, r.ViolationCount, r.OK, len(calls), r.RefusedBy)
		}
	})
}
