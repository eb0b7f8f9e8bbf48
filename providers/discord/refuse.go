package discord

import (
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"strconv"
	"time"

	"github.com/underlimit/underlimit/providers"
)

// Refuse returns a 429 as a bucket of Discord's sends it:
// https://discord.com/developers/docs/topics/rate-limits#exceeding-a-rate-limit
//
// It names a bucket, since readers that miss its name ask again at once, and never speaks of the global limit, at which
// they stop everything else.
func (p *Provider) Refuse(
	req *http.Request, call *providers.Call, now time.Time, wait time.Duration,
) (http.Header, []byte) {
	var at path
	at.parse(req.URL) // Classify claimed it, so it can be parsed

	seconds := strconv.FormatInt(int64(wait/time.Second), 10)
	header, inBody := seconds, seconds+".0"
	if at.legacy {
		header = strconv.FormatInt(wait.Milliseconds(), 10)
		inBody = header
	}
	return http.Header{
		"Retry-After":   {header},
		fieldLimit:      {"1"}, // nobody knows; the least that readers take for a limit
		fieldRemaining:  {"0"},
		fieldReset:      {strconv.FormatInt(now.Add(wait+time.Second-1).Unix(), 10)},
		fieldResetAfter: {seconds + ".0"},
		fieldBucket:     {standIn(call)},
		fieldScope:      {"user"},
	}, []byte(`{"message":"You are being rate limited.","retry_after":` + inBody + `,"global":false}`)
}

// standIn returns what stands for the hash of the route's bucket: the same for the same route, and in the form of one.
func standIn(call *providers.Call) string {
	route := call.Route
	if route == other { // unknown routes do not share a bucket
		route = call.Draws[0].Key.Subject
	}
	sum := sha256.Sum256([]byte("underlimit " + route))
	return hex.EncodeToString(sum[:16])
}

var _ providers.Refuser = (*Provider)(nil)
