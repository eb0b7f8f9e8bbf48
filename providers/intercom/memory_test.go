package intercom_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/underlimit/underlimit/bucket"
	"github.com/underlimit/underlimit/providers"
	"github.com/underlimit/underlimit/providers/intercom"
)

func TestAnOrdinaryRequestTakesNoMemory(t *testing.T) {
	p, req := intercom.New(nil), request(http.MethodGet, "https://api.intercom.io/contacts/1")
	req.Header.Set("Authorization", "Bearer token")
	a := &providers.Answer{Status: 200, Header: limits("167", "42", "1487332510"), Received: date}
	draws, room := make([]bucket.Draw, 4), new(providers.Room)
	var call providers.Call
	var v providers.Verdict
	n := testing.AllocsPerRun(100, func() {
		call, _ = p.AppendClassify(draws[:0], req, time.Time{})
		call.Room = room
		v = p.Judge(req, &call, a)
	})
	if n != 0 || len(v.Updates) != 1 {
		t.Errorf("it takes memory %v times to learn %v", n, v.Updates)
	}
}
