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
// it has left, what was used of it still counts. An app is known by its credential,
// whatever host it calls; all apps belong to one workspace.
//
// A [Report] counts as violations, besides requests sent to a bucket before the window that refused them was over:
// requests without a valid credential, and malformed ones.
package intercomtest
