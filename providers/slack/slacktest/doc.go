// Package slacktest is a fake of Slack's Web API and webhooks that enforces rate limits strictly, for testing apps
// without Slack. It works in the manner of net/http/httptest:
//
//	srv := slacktest.NewServer(nil)
//	defer srv.Close()
//	client := srv.Client() // or any client whose transport ends in srv.Transport()
//	api := slack.New("xoxb-1", slack.OptionHTTPClient(client))
//
// Requests to every host reach it, so an app needs no other address. In a testing/synctest bubble it runs in virtual
// time; the server must then be made in the bubble.
//
// Each method has a quota of requests in any minute for each installation. Everything that posts a message is also
// under two more limits: one message a second for each channel, and a number a minute for the workspace. The
// incoming webhooks of Options.Installations are under these too, and each webhook has a limit of its own. Slack's
// real limits of methods are minimums, with bursts of unknown size; here they are exact. The fake also has workflow
// triggers, response URLs, and the SCIM and Audit Logs APIs, whose limits belong to an organization. It accepts
// files: their contents are read as they arrive, measured, and not kept.
//
// [Options] choose the form of refusals, of which Slack has many, which tokens belong together, which names a
// channel has, and what goes wrong.
//
// A [Report] counts these as violations: requests sent to a bucket before the time that a refusal gave; messages
// that Options.Hide makes disappear; requests without a valid token; requests that lack an argument or are
// malformed; and uses of a URL that is used up.
//
// # What it has seen
//
//	r := srv.Report()
//	r.Calls, r.OK, r.Refused        // how many requests arrived, were processed, were refused by a limit
//	r.RefusedBy["post #1 C123"]     // how many of them by this bucket
//	r.ViolationCount, r.Violations  // requests that a well-behaved client would not have sent, and what was wrong
//	r.Inversions                    // requests processed after a later one of their line; see Options.Line
//	r.MaxInFlight, r.First, r.Last  // most at once; when the first and the last arrived
//
//	srv.Arrivals()  // of each that arrived: At, Buckets, RefusedBy, Status
//	srv.Delivered() // of each that was processed: At, Method, Path, Body
//	srv.Uploads()   // of each file: ID, Filename, Length, Size, SHA256, Complete, Channels
//	srv.Busiest("post #1 C123", time.Second) // the most that reached a bucket within any second
//
// To test that a client stays under the limits, ask for no Refused and no ViolationCount:
//
//	if r := srv.Report(); r.Refused > 0 || r.ViolationCount > 0 {
//		t.Errorf("refused %v, violations %v", r.RefusedBy, r.Violations)
//	}
package slacktest
