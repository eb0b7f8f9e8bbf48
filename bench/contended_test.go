package bench_test

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"runtime"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/bwmarrin/discordgo"
	"github.com/diamondburned/arikawa/v3/api"
	arikawa "github.com/diamondburned/arikawa/v3/api/rate"
	"github.com/disgoorg/disgo/rest"
	"github.com/disgoorg/snowflake/v2"

	"github.com/underlimit/underlimit/bucket"
	"github.com/underlimit/underlimit/providers"
	"github.com/underlimit/underlimit/providers/discord"
)

// goroutines is how many contend.
const goroutines = 64

// plenty says that nobody need wait, in all the fields that Discord sends: each limiter reads those that it knows. The
// window is as large as ours may be, and so short that it is never used up.
var plenty = http.Header{
	"Date":                    {"Mon, 01 Jun 2026 12:00:00 GMT"},
	"Via":                     {"1.1 google"},
	"X-Ratelimit-Bucket":      {"80c17d2f203122d936070c88c8d10f33"},
	"X-Ratelimit-Limit":       {"16777216"},
	"X-Ratelimit-Remaining":   {"16777215"},
	"X-Ratelimit-Reset":       {"1780315201.000"},
	"X-Ratelimit-Reset-After": {"1.000"},
}

// A limiter is one to be compared.
type limiter struct {
	name string
	// pairs readies the limiter for messages to so many channels. What it returns asks for leave to send to one of
	// them, and tells what the answer said.
	pairs func(b *testing.B, channels int) func(channel int) error
}

var limiters = []limiter{
	{"underlimit", underlimitPairs},
	{"underlimit-registry", registryPairs},
	{"discordgo", discordgoPairs},
	{"disgo", disgoPairs},
	{"arikawa", arikawaPairs},
}

// id is the snowflake of a channel.
func id(channel int) uint64 { return 100_000_000_000_000_000 + uint64(channel) }

func path(channel int) string {
	return "/channels/" + strconv.FormatUint(id(channel), 10) + "/messages"
}

// underlimitPairs does all that the others do: its answers are read from their header fields.
func underlimitPairs(b *testing.B, channels int) func(int) error {
	p, r, ctx := discord.New(nil), bucket.NewRegistry(nil), b.Context()
	reqs, calls := make([]*http.Request, channels), make([]providers.Call, channels)
	for i := range channels {
		req, err := http.NewRequest(http.MethodPost, "https://discord.com/api/v10"+path(i), nil)
		if err != nil {
			b.Fatal(err)
		}
		req.Header.Set("Authorization", "Bot token")
		call, ok := p.Classify(req, time.Now())
		if !ok {
			b.Fatal("the request is not claimed")
		}
		call.Draws = call.Draws[:1] // that of the route, as the others know no quota
		reqs[i], calls[i] = req, call
	}
	// What a transport keeps of a request and uses again.
	type exchange struct {
		call   providers.Call
		answer providers.Answer
		ticket bucket.Ticket
		room   providers.Room
	}
	pool := sync.Pool{New: func() any { return new(exchange) }}
	return func(channel int) error {
		x := pool.Get().(*exchange)
		x.call = calls[channel]
		x.call.Room = &x.room
		lease, err := r.AcquireTicketAt(ctx, time.Now(), &x.ticket, x.call.Draws...)
		if err != nil {
			return err
		}
		now := time.Now()
		x.answer = providers.Answer{Status: http.StatusOK, Header: plenty, Sent: now, Received: now}
		lease.DoneAt(now, p.Judge(reqs[channel], &x.call, &x.answer).Updates...)
		x.ticket = bucket.Ticket{}
		pool.Put(x)
		return nil
	}
}

// registryPairs is the registry alone: nothing is read, and the answers tell nothing after the first. Draws are made as
// they are needed, as an adapter makes them; the others, too, begin with a string.
func registryPairs(b *testing.B, channels int) func(int) error {
	r, ctx := bucket.NewRegistry(nil), b.Context()
	subjects := make([]string, channels)
	draw := func(channel int) bucket.Draw {
		return bucket.Draw{Key: bucket.Key{Provider: "discord", Limit: "route", Owner: "bot", Subject: subjects[channel]}}
	}
	for i := range subjects {
		subjects[i] = strconv.FormatUint(id(i), 10)
		d := draw(i)
		lease, err := r.Acquire(ctx, d)
		if err != nil {
			b.Fatal(err)
		}
		lease.Done(time.Now(), bucket.Window{
			Key: d.Key, Limit: 1 << 24, Remaining: 1<<24 - 1, ResetAfter: time.Second,
		})
	}
	return func(channel int) error {
		lease, err := r.Acquire(ctx, draw(channel))
		if err != nil {
			return err
		}
		lease.Done(time.Now())
		return nil
	}
}

func discordgoPairs(_ *testing.B, channels int) func(int) error {
	l := discordgo.NewRatelimiter()
	keys := make([]string, channels)
	for i := range keys {
		keys[i] = discordgo.EndpointChannelMessages(strconv.FormatUint(id(i), 10))
	}
	return func(channel int) error {
		return l.LockBucket(keys[channel]).Release(plenty)
	}
}

// disgoPairs has disgo not sweep its buckets, which it cannot be told to stop.
func disgoPairs(b *testing.B, channels int) func(int) error {
	l := rest.NewRateLimiter(rest.WithCleanupInterval(24 * time.Hour))
	b.Cleanup(l.Reset)
	endpoints := make([]*rest.CompiledEndpoint, channels)
	for i := range endpoints {
		endpoints[i] = rest.CreateMessage.Compile(nil, snowflake.ID(id(i)))
	}
	ctx, answer := b.Context(), &http.Response{StatusCode: http.StatusOK, Header: plenty}
	return func(channel int) error {
		if err := l.Wait(ctx, endpoints[channel]); err != nil {
			return err
		}
		return l.Unlock(endpoints[channel], answer)
	}
}

func arikawaPairs(b *testing.B, channels int) func(int) error {
	l := arikawa.NewLimiter(api.Path)
	paths := make([]string, channels)
	for i := range paths {
		paths[i] = api.Path + path(i)
	}
	ctx := b.Context()
	return func(channel int) error {
		if err := l.Acquire(ctx, paths[channel]); err != nil {
			return err
		}
		return l.Release(paths[channel], plenty)
	}
}

// BenchmarkContended has 64 goroutines ask for leave that is there, and give the answer back at once.
func BenchmarkContended(b *testing.B) {
	for _, channels := range []int{1, 1000, 100_000} {
		b.Run(fmt.Sprint("buckets=", channels), func(b *testing.B) {
			for _, l := range limiters {
				pair := l.pairs(b, channels)
				for i := range channels { // buckets are not made while the clock runs
					if err := pair(i); err != nil {
						b.Fatal(err)
					}
				}
				b.Run("limiter="+l.name, func(b *testing.B) { contend(b, channels, pair) })
			}
		})
	}
}

func contend(b *testing.B, channels int, pair func(int) error) {
	procs := runtime.GOMAXPROCS(0)
	b.SetParallelism((goroutines + procs - 1) / procs)
	b.ReportAllocs()
	var seed atomic.Uint64
	b.RunParallel(func(pb *testing.PB) {
		rnd := rand.New(rand.NewPCG(seed.Add(1), 0))
		for pb.Next() {
			if err := pair(rnd.IntN(channels)); err != nil {
				b.Error(err)
				return
			}
		}
	})
}
