package discord_test

import (
	"testing"

	"github.com/underlimit/underlimit/bucket"
	"github.com/underlimit/underlimit/providers"
	"github.com/underlimit/underlimit/providers/discord"
)

func TestAnOrdinaryRequestTakesNoMemory(t *testing.T) {
	p, req := discord.New(nil), request(t, "POST", messages)
	req.Header.Set("Authorization", "Bot token")
	a := &providers.Answer{Status: 200, Header: full("X-RateLimit-Remaining: 9"), Received: received}
	draws, room := make([]bucket.Draw, 4), new(providers.Room)
	var call providers.Call
	var v providers.Verdict
	n := testing.AllocsPerRun(100, func() {
		call, _ = p.AppendClassify(draws[:0], req, received)
		call.Room = room
		v = p.Judge(req, &call, a)
	})
	if n != 0 || len(v.Updates) != 2 {
		t.Errorf("it takes memory %v times to learn %v", n, v.Updates)
	}
}
