// Package discordtest is a fake of Discord's HTTP API that enforces rate limits strictly, for testing bots without
// Discord. It works in the manner of net/http/httptest:
//
//	srv := discordtest.NewServer(nil)
//	defer srv.Close()
//	session.Client = srv.Client() // or any client whose transport ends in srv.Transport()
//
// Every host leads to it, so that a bot need not be told another address. In a testing/synctest bubble, in which the
// server must then be made, it runs in virtual time. (The clock there stands before Discord's own epoch, from which ids
// count the time; as long as it does, they count it from that of Unix, and to a client all messages are from the
// future. A test in which their age matters sleeps until 2015 first.)
//
// Each answer carries the headers that Discord would send. Paths under /api/v8 to /api/v10 are answered in seconds and
// with a bucket's hash; those under /api/v6, /api/v7 and unversioned ones as Discord did then: Retry-After and
// retry_after in milliseconds, other times in whole seconds unless the request asks for X-RateLimit-Precision:
// millisecond, no hash, no scope, and all methods of a path in one bucket except for the deletion of messages.
//
// Counters belong to a credential, a route's hash (or its Limit.Counter) and the channel, guild or webhook that the
// path begins with. Their windows begin with the first request in them and end all at once, or, by Limit.Sliding, let
// single requests come back. The global limit slides, or counts by the seconds of the server's clock.
//
// A [Report] counts as violations, besides requests sent to a bucket before the time that a refusal told: requests
// without a valid credential where one is needed, malformed ones, and the one that gets the caller banned. The time
// told is the body's retry_after, which is more exact than the header.
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
