package providertest_test

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/underlimit/underlimit/bucket"
	"github.com/underlimit/underlimit/providers"
	"github.com/underlimit/underlimit/providers/providertest"
)

// Rooms is the adapter of an API, chat.example, that data cannot describe. A room takes a message a second, whoever
// sends it; an account may send fifty requests a second; and some refusals have status 200 and say so in their body.
type Rooms struct{ room, account *bucket.Policy }

func NewRooms() *Rooms {
	return &Rooms{
		room:    &bucket.Policy{Every: time.Second, Burst: 3},
		account: &bucket.Policy{Quota: 50, Window: time.Second},
	}
}

func (*Rooms) Name() string { return "rooms" }

func (p *Rooms) Classify(req *http.Request, _ time.Time) (providers.Call, bool) {
	if req.URL == nil || req.URL.Host != "chat.example" {
		return providers.Call{}, false
	}
	owner := digest(req.Header.Get("Authorization"))
	account := bucket.Key{Provider: "rooms", Limit: "account", Owner: owner}
	call := providers.Call{Provider: "rooms", Route: "other", Peek: true}
	if room, ok := postsTo(req); ok {
		// A path is the caller's, who may write anything: a digest is short and plain.
		key := bucket.Key{Provider: "rooms", Limit: "messages", Subject: digest(room)}
		call.Route = "messages"
		call.Draws = append(call.Draws, bucket.Draw{Key: key, Policy: p.room})
	}
	call.Draws = append(call.Draws, bucket.Draw{Key: account, Policy: p.account})
	return call, true
}

// postsTo tells the room of POST /rooms/{room}/messages.
func postsTo(req *http.Request) (room string, ok bool) {
	room, ok = strings.CutPrefix(req.URL.Path, "/rooms/")
	if !ok || req.Method != http.MethodPost {
		return "", false
	}
	return strings.CutSuffix(room, "/messages")
}

func (*Rooms) Judge(_ *http.Request, call *providers.Call, a *providers.Answer) (v providers.Verdict) {
	var body struct {
		Error string `json:"error"`
		Wait  any    `json:"wait"`
	}
	_ = json.Unmarshal(a.Body, &body) // what is no JSON says nothing
	switch {
	case a.Status == http.StatusOK && body.Error == "slow_down":
		seconds, _ := body.Wait.(float64)
		v.Updates = append(v.Updates, hold(call, 0, seconds))
		v.Scope = providers.ScopeShared
	case a.Status == http.StatusTooManyRequests && body.Error == "monthly_quota":
		v.Final, v.Scope = true, providers.ScopeQuota // nobody waits for next month
	case a.Status == http.StatusTooManyRequests:
		seconds, _ := strconv.ParseFloat(a.Header.Get("Retry-After"), 64)
		v.Updates = append(v.Updates, hold(call, len(call.Draws)-1, seconds))
		v.Scope = providers.ScopeUser
	}
	v.Refused = v.Scope != ""
	return v
}

// hold blocks one of the draws for a time that an answer tells, which may be any number, or none. For 0 the registry
// waits a second, and longer after each refusal in a row.
func hold(call *providers.Call, draw int, seconds float64) bucket.Block {
	const most = 24 * 60 * 60
	if !(seconds > 0) { // nor is NaN
		seconds = 0
	}
	return bucket.Block{
		Key: call.Draws[draw].Key,
		For: time.Duration(min(seconds, most) * float64(time.Second)),
	}
}

// digest names a secret, or what may be one.
func digest(s string) string {
	sum := sha256.Sum256([]byte(s))
	return hex.EncodeToString(sum[:16])
}

// The rest is the adapter's test.

func TestRoomsKeepsTheRulesOfAProvider(t *testing.T) {
	post := httptest.NewRequest(http.MethodPost, "https://chat.example/rooms/kitchen/messages", strings.NewReader("hello"))
	post.Header.Set("Authorization", "Bearer t0k3n")
	providertest.Test(t, NewRooms(), post, httptest.NewRequest(http.MethodGet, "https://chat.example/rooms", nil))
}

func FuzzRooms(f *testing.F) {
	req := httptest.NewRequest(http.MethodPost, "https://chat.example/rooms/kitchen/messages", nil)
	providertest.Fuzz(f, NewRooms(), req)
}

func TestRoomsTellsRefusalsApart(t *testing.T) {
	req := httptest.NewRequest(http.MethodPost, "https://chat.example/rooms/kitchen/messages", nil)
	p := NewRooms()
	call, _ := p.Classify(req, time.Now())
	for _, tt := range []struct {
		status     int
		retryAfter string
		body       string
		held       string // the limit
		wait       time.Duration
		final      bool
	}{
		{200, "", `{"error":"slow_down","wait":1.5}`, "messages", 1500 * time.Millisecond, false},
		{200, "", `{"error":"slow_down"}`, "messages", 0, false},
		{200, "", `{"id":"m1"}`, "", 0, false},
		{429, "7", `{}`, "account", 7 * time.Second, false},
		{429, "", `{"error":"monthly_quota"}`, "", 0, true},
	} {
		a := &providers.Answer{Status: tt.status, Header: http.Header{"Retry-After": {tt.retryAfter}}, Body: []byte(tt.body)}
		v := p.Judge(req, &call, a)
		held, wait := "", time.Duration(0)
		for _, u := range v.Updates {
			b := u.(bucket.Block)
			held, wait = b.Key.Limit, b.For
		}
		if held != tt.held || wait != tt.wait || v.Final != tt.final {
			t.Errorf("%d %s: held %q for %v, final %t", tt.status, tt.body, held, wait, v.Final)
		}
	}
}
