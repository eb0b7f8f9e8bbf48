package intercomtest_test

import (
	"fmt"
	"net/http"

	"github.com/underlimit/underlimit/providers/intercom/intercomtest"
)

// This example shows how much an app has left.
func ExampleNewServer() {
	srv := intercomtest.NewServer(&intercomtest.Options{Limit: 167})
	defer srv.Close()

	req, err := http.NewRequest("GET", "https://api.intercom.io/contacts", nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	req.Header.Set("Authorization", "Bearer abc")
	resp, err := srv.Client().Do(req)
	if err != nil {
		fmt.Println(err)
		return
	}
	resp.Body.Close()
	fmt.Println(resp.Header.Get("X-RateLimit-Remaining"), "of", resp.Header.Get("X-RateLimit-Limit"))
	// Output: 166 of 167
}
