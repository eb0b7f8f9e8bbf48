// Package slacktest is a fake of Slack's Web API and webhooks that enforces rate limits strictly, for testing apps
// without Slack. It works in the manner of net/http/httptest:
//
//	srv := slacktest.NewServer(nil)
//	defer srv.Close()
//	client := srv.Client() // or any client whose transport ends in srv.Transport()
//	api := slack.New("xoxb-1", slack.OptionHTTPClient(client))
//
// Every host leads to it, so that an app need not be told another address. In a testing/synctest bubble, in which the
// server must then be made, it runs in virtual time.
//
// Each method has a quota of requests in any minute for each installation. What posts a message is besides held to one
// a second in each channel, together with all else that posts there, and to a number a minute in the workspace; so are
// the incoming webhooks of Options.Installations, and each webhook by itself. The real limits of methods are floors, with
// bursts on top that nobody knows; here they are exact. There are the SCIM and Audit Logs APIs with their limits, which
// are those of an organization, workflow triggers, response URLs, and files: their contents are read as they come,
// measured and not kept.
//
// Options choose how refusals look, of which Slack has many forms, which tokens belong together, which names a channel
// has, and what goes wrong.
//
// A [Report] counts as violations, besides requests sent to a bucket before the time that a refusal told: messages
// that Options.Hide makes disappear, requests without a valid token, those that lack an argument or are malformed, and
// uses of a URL that was used up.
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
