package workload_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/underlimit/underlimit/bucket"
	"github.com/underlimit/underlimit/providers/slack"
	"github.com/underlimit/underlimit/providers/slack/slacktest"
	"github.com/underlimit/underlimit/transport"
)

// anyCall is a call at random of one of the tokens: a message by any of its ways, or another method.
func anyCall(rnd *rand.Rand, tokens []string) call {
	token := tokens[rnd.IntN(len(tokens))]
	channel := []string{"C1", "#general", "C2", "C3", "C4"}[rnd.IntN(5)]
	switch rnd.IntN(12) {
	case 0:
		return webCall(token, "chat.meMessage", "channel", channel, "text", "hello")
	case 1:
		return webhookCall("/services/T1/B1/secret") // the one that oauth.v2.access tells of
	case 2:
		return webCall(token, "users.list")
	case 3:
		return webCall(token, "chat.update", "channel", channel, "ts", "5.2", "text", "hello")
	case 4:
		return webCall(token, "users.profile.set", "user", fmt.Sprintf("U%d", rnd.IntN(3)))
	case 5:
		return restCall(token, http.MethodPost, "/scim/v2/Users")
	}
	return webCall(token, "chat.postMessage", "channel", channel, "text", "hello")
}

// giveUp returns a context that may end while a call waits or is under way, and says whether it may.
func giveUp(ctx context.Context, rnd *rand.Rand) (context.Context, context.CancelFunc, bool) {
	if rnd.IntN(6) > 0 {
		ctx, cancel := context.WithCancel(ctx)
		return ctx, cancel, false
	}
	ctx, cancel := context.WithTimeout(ctx, time.Duration(rnd.Int64N(int64(30*time.Second))))
	return ctx, cancel, true
}

// Whatever comes together, no message is hidden, nothing goes where a refusal said to wait, and whoever is not given up
// on gets through.
func TestASlackMixOfEverything(t *testing.T) {
	for seed := range uint64(12) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				rnd := rand.New(rand.NewPCG(seed, 11))
				refuses, blocks, refusing := false, 0, rand.New(rand.NewPCG(seed, 12))
				o := slacktest.Options{
					Installations: workspace(), Hide: true, Channels: map[string]string{"#general": "C1"},
					Refusal: []slacktest.Refusal{slacktest.JSON, slacktest.Plain, slacktest.InBody, slacktest.Seconds}[seed%4],
					Refuse: func(_ *http.Request, buckets []string) (string, time.Duration) {
						if !refuses || blocks == 8 || refusing.IntN(20) > 0 {
							return "", 0
						}
						blocks++
						return buckets[0], time.Duration(1+refusing.IntN(20)) * time.Second
					},
				}
				f := bursty(o)
				defer f.Close()
				limits := transport.New(slack.New(nil), &transport.Options{
					Base: f.Transport(), Buckets: bucket.NewRegistry(&bucket.Options{Reserve: []float64{0, 0.3}[rnd.IntN(2)]}),
				})
				client := &http.Client{Transport: limits}
				bot, user, _ := exchanged(t, client, "code", "code-1")
				all(t, client, []call{webCall(bot, "chat.postMessage", "channel", "#general", "text", "first")})
				time.Sleep(time.Minute)

				refuses = true
				const calls = 250
				var wg sync.WaitGroup
				for i := range calls {
					c := anyCall(rnd, []string{bot, user})
					ctx, cancel, given := giveUp(transport.WithPriority(t.Context(), rnd.IntN(3)-1), rnd)
					c.at = time.Duration(rnd.Int64N(int64(30*time.Second))) + time.Duration(i)
					wg.Go(func() {
						defer cancel()
						time.Sleep(c.at)
						if err := do(ctx, client, c); err != nil && !given {
							t.Error(err)
						}
					})
				}
				wg.Wait()

				r := f.Report()
				if r.ViolationCount != 0 {
					t.Errorf("%d violations: %v", r.ViolationCount, r.Violations)
				}
				if blocks == 0 || r.Refused < blocks {
					t.Errorf("%d refused, %d buckets were closed", r.Refused, blocks)
				}
				idle(t, limits.Buckets())
				t.Logf("%d of %d processed, %d refused by %d closed buckets: %v", r.OK, r.Calls, r.Refused, blocks, r.RefusedBy)
			})
		})
	}
}
