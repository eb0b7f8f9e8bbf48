// Package discordtest is a fake of Discord's HTTP API that enforces rate limits strictly, for testing bots without
// Discord. It works in the manner of net/http/httptest:
//
//	srv := discordtest.NewServer(nil)
//	defer srv.Close()
//	session.Client = srv.Client() // or any client whose transport ends in srv.Transport()
//
// Every host leads to it, so that a bot need not be told another address. In a testing/synctest bubble, in which the
// server must then be made, it runs in virtual time. (The clock there stands before Discord's own epoch, from which
// ids count the time; as long as it does, they count it from that of Unix, and to a client all messages are from the
// future. A test in which their age matters sleeps until 2015 first.)
//
// Each answer carries the headers that Discord would send. Paths under /api/v8 to /api/v10 are answered in seconds
// and with a bucket's hash; those under /api/v6, /api/v7 and unversioned ones as Discord did then: Retry-After and
// retry_after in milliseconds, other times in whole seconds unless the request asks for X-RateLimit-Precision:
// millisecond, no hash, no scope, and all methods of a path in one bucket except for the deletion of messages.
//
// # What it does
//
// Without options, each route has one limit, by default with numbers that people have met. Its counter belongs to
// the credential, the route's hash (or its Limit.Counter) and the channel, guild or webhook that the path begins
// with; the token of a webhook or an interaction is a credential. Its window begins with the first request in it and
// ends all at once. Changes of reactions share a counter. All requests of a credential, or those without one, are
// under a global limit that slides, but for answers to interactions. A request without a credential is answered 401
// where one is needed; too many of these, of 403s and of 429s get the caller banned.
//
// What else Discord has been seen to do is off, and has an option each:
//
//	Limit.Sliding         requests come back one by one
//	Limit.Hash            routes that share a counter
//	Limit.Counter         a hash that means several counters, or several that mean one
//	Limit.Silent          answers without the headers of a limit, of which there is one
//	Limit{}               answers without headers, and no limit
//	"… also" in Limits    a second limit on a route, told of by its refusals or not at all
//	Change                limits that are raised and lowered, hashes that flip
//	ResetOnly             windows that end by the server's clock
//	Global, GlobalFixed   another global limit, and one that counts by the seconds of a clock
//	GlobalInteractions    answers to interactions that count against it
//	DeletionAges          deletions limited by the age of the message
//	OldEdits              edits of old messages limited further (code 30046)
//	Renames               changes of a channel's name limited further
//	WebhookChannel        a limit on all webhooks of a channel, which nothing tells of
//	Invalid               another number of invalid requests to be banned for
//	Authorized            credentials that are refused (401), for good or for a time
//	AuthorizedToken       wrong tokens of webhooks and interactions (401, code 50027)
//	InteractionAges       interactions that are answered too late (404, code 10062, or 401)
//	Forbidden             requests that are forbidden (403)
//	Missing               messages that do not exist (404, code 10008)
//	Gone                  deleted webhooks (404, code 10015)
//	Refuse with Shared    a limit on a resource that others share, with headers that mislead
//	… with Global         a global limit that somebody else has used up
//	… with Cloudflare     an address that is shut out (429), with a time or without, as a page or as JSON
//	… with Blocked        a client that is not let in (403)
//	Fault                 slow answers, lost ones, and failures
//
// # What is wrong with a client
//
// A [Report] counts these as violations: requests sent to a bucket before the time that a refusal gave, by the
// body's retry_after, which is more exact than the header; requests that are answered 400, 401, 403 or 404, unless a
// message is missing; and the request that gets the caller banned.
//
// # What it has seen
//
//	r := srv.Report()
//	r.Calls, r.OK, r.Refused        // how many requests arrived, were processed, were refused by a limit
//	r.RefusedBy["global #1"]        // how many of them by this bucket
//	r.ViolationCount, r.Violations  // requests that a well-behaved client would not have sent, and what was wrong
//	r.Inversions                    // requests processed after a later one of their line; see Options.Line
//	r.MaxInFlight, r.First, r.Last  // most at once; when the first and the last arrived
//
//	srv.Arrivals()  // of each that arrived: At, Buckets, RefusedBy, Status
//	srv.Delivered() // of each that was processed: At, Method, Path, Body
//	srv.Busiest("global #1", time.Second) // the most that reached a bucket within any second
//
// To test that a client stays under the limits, ask for no Refused and no ViolationCount:
//
//	if r := srv.Report(); r.Refused > 0 || r.ViolationCount > 0 {
//		t.Errorf("refused %v, violations %v", r.RefusedBy, r.Violations)
//	}
package discordtest
