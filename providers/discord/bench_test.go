package discord_test

import (
	"testing"

	"github.com/underlimit/underlimit/bucket"
	"github.com/underlimit/underlimit/providers"
	"github.com/underlimit/underlimit/providers/discord"
)

// What it costs to say what a message draws on, and to read the answer to it.
func BenchmarkOneRequest(b *testing.B) {
	p, req := discord.New(nil), request(b, "POST", messages)
	a := &providers.Answer{
		Status: 200, Received: received,
		Header: full("Content-Type: application/json", "X-RateLimit-Remaining: 3", "X-RateLimit-Reset-After: 1.000"),
	}
	draws := make([]bucket.Draw, 4)
	call, _ := p.AppendClassify(draws[:0], req, received)
	call.Room = new(providers.Room)
	b.Run("Classify", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			p.AppendClassify(draws[:0], req, received)
		}
	})
	b.Run("Judge", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			p.Judge(req, &call, a)
		}
	})
}
