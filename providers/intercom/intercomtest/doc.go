// Package intercomtest is a fake of Intercom's REST API that enforces rate limits strictly, for testing apps without
// Intercom. It works in the manner of net/http/httptest:
//
//	srv := intercomtest.NewServer(nil)
//	defer srv.Close()
//	client := srv.Client() // or any client whose transport ends in srv.Transport()
//
// Every host leads to it, so that an app need not be told another address. In a testing/synctest bubble, in which the
// server must then be made, it runs in virtual time.
//
// Limits hold in windows of ten seconds that are aligned to the server's clock. If that steps back into a window which
// it has left, what was used of it still counts. An app is known by its credential, whatever host it calls, of whatever
// region; all apps belong to one workspace, unless [Options] have several.
//
// As Intercom does, it tells of the app's limit in header fields, and of nothing else: a refusal by the workspace's limit
// has something remaining, one for the sake of a busy resource another code, and one because an export is pending the
// same code and another message. A workspace has one scroll over its companies at a time, which ends after a minute
// without a request.
//
// A [Report] counts as violations, besides requests sent to a bucket before the window that refused them was over:
// requests without a valid credential, and malformed ones.
//
// # What it has seen
//
//	r := srv.Report()
//	r.Calls, r.OK, r.Refused        // how many requests arrived, were processed, were refused by a limit
//	r.RefusedBy["app #1"]           // how many of them by this bucket
//	r.ViolationCount, r.Violations  // requests that a well-behaved client would not have sent, and what was wrong
//	r.Inversions                    // requests processed after a later one of their line; see Options.Line
//	r.MaxInFlight, r.First, r.Last  // most at once; when the first and the last arrived
//
//	srv.Arrivals()  // of each that arrived: At, Buckets, RefusedBy, Status
//	srv.Delivered() // of each that was processed: At, Method, Path, Body
//	srv.Busiest("app #1", time.Second) // the most that reached a bucket within any second
//
// To test that a client stays under the limits, ask for no Refused and no ViolationCount:
//
//	if r := srv.Report(); r.Refused > 0 || r.ViolationCount > 0 {
//		t.Errorf("refused %v, violations %v", r.RefusedBy, r.Violations)
//	}
package intercomtest
