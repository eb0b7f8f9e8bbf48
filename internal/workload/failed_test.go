package workload_test

import (
	"fmt"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"

	"github.com/underlimit/underlimit/providers"
	"github.com/underlimit/underlimit/providers/apitest"
	"github.com/underlimit/underlimit/providers/discord"
	"github.com/underlimit/underlimit/providers/discord/discordtest"
	"github.com/underlimit/underlimit/providers/intercom"
	"github.com/underlimit/underlimit/providers/intercom/intercomtest"
)

// What a gateway answers in the API's place tells nothing of limits. Many wait from cold to see what the first answer
// tells: if that is such a one, they must not all go.
func TestAFailureThatComesFirstSendsNobodyAgainstALimit(t *testing.T) {
	for _, status := range []int{404, 500, 502, 503} {
		for failures := int64(1); failures <= 3; failures++ {
			var n atomic.Int64
			fault := func(*http.Request) (f apitest.Fault) {
				if n.Add(1) <= failures {
					f.Status = status
				}
				return f
			}
			try := func(api string, p providers.Provider, start func() fake, calls []call) {
				t.Run(fmt.Sprintf("%s, %d times %d", api, failures, status), func(t *testing.T) {
					synctest.Test(t, func(t *testing.T) {
						n.Store(0)
						f := start()
						defer f.Close()
						client, registry := newClient(p, f)
						var wg sync.WaitGroup
						for _, c := range calls {
							wg.Go(func() { _ = do(t.Context(), client, c) }) // some are answered by the gateway
						}
						wg.Wait()
						if r := f.Report(); r.Refused > 0 || n.Load() < int64(len(calls)) {
							t.Errorf("of %d calls %d were refused: %v", r.Calls, r.Refused, r.RefusedBy)
						}
						idle(t, registry)
					})
				})
			}
			try("Discord", discord.New(nil), func() fake {
				return discordFake(discordtest.Options{Fault: fault})
			}, messages("/v10", 1, 40))
			try("Intercom", intercom.New(nil), func() fake {
				return intercomtest.NewServer(&intercomtest.Options{Uplink: uplink, Downlink: downlink, Fault: fault})
			}, contacts(400))
		}
	}
}
