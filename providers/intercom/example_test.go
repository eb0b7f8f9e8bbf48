package intercom_test

import (
	"fmt"
	"net/http"

	"github.com/underlimit/underlimit/providers/intercom"
	"github.com/underlimit/underlimit/providers/intercom/intercomtest"
	"github.com/underlimit/underlimit/transport"
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

// This example shows how an app stands, from all answers to it so far.
func ExampleProvider_RateLimitDetails() {
	srv := intercomtest.NewServer(nil) // a fake of Intercom
	defer srv.Close()
	app := intercom.New(&intercom.Options{Reserve: 0.1})
	limits := transport.New(app, &transport.Options{Base: srv.Transport()})
	client := &http.Client{Transport: limits}

	req, err := http.NewRequest(http.MethodGet, "https://api.intercom.io/me", nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	req.Header.Set("Authorization", "Bearer abc")
	_, ok := app.RateLimitDetails(limits.Buckets(), req)
	fmt.Println("before the first answer:", ok)

	resp, err := client.Do(req)
	if err != nil {
		fmt.Println(err)
		return
	}
	resp.Body.Close()
	d, _ := app.RateLimitDetails(limits.Buckets(), req)
	fmt.Println(d.Remaining, "of", d.Limit, "left")
	// Output:
	// before the first answer: false
	// 165 of 166 left
}
