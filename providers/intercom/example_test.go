package intercom_test

import (
	"fmt"
	"net/http"

	"github.com/underlimit/underlimit/providers/intercom"
)

// This example shows what an answer tells of the limit of its app.
func ExampleReadDetails() {
	resp := &http.Response{Header: http.Header{}}
	resp.Header.Set("X-RateLimit-Limit", "167")
	resp.Header.Set("X-RateLimit-Remaining", "166")
	resp.Header.Set("X-RateLimit-Reset", "1487332510")

	if d, ok := intercom.ReadDetails(resp.Header); ok {
		fmt.Println(d.Remaining, "of", d.Limit, "left until", d.ResetAt.Format("15:04:05"))
	}
	// Output: 166 of 167 left until 11:55:10
}
