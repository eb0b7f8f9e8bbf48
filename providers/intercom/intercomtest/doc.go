// Package intercomtest is a fake of Intercom's REST API that enforces rate limits strictly, for testing apps without
// Intercom. It works in the manner of net/http/httptest:
//
//	srv := intercomtest.NewServer(nil)
//	defer srv.Close()
//	client := srv.Client() // or any client whose transport ends in srv.Transport()
//
// Requests to every host reach it, so an app needs no other address. In a testing/synctest bubble it runs in virtual
// time; the server must then be made in the bubble.
//
// Limits hold in windows of ten seconds that are aligned to the server's clock. If the clock steps back into an
// earlier window, what was used of that window still counts. A credential stands for an app, whatever host of
// whatever region it calls. All apps belong to one workspace, unless [Options] have several.
//
// As at Intercom, header fields tell of the app's limit, and of no other. A refusal by the workspace's limit comes
// while something remains of the app's. A refusal because of a busy resource has another code. A refusal because of
// a pending export has the same code and another message. A workspace has one scroll over its companies at a time,
// which ends after a minute without a request.
//
// A [Report] counts these as violations: requests sent to a bucket before the window that refused them was over,
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
