package apitest_test

import (
	"fmt"
	"net/http"

	"github.com/underlimit/underlimit/providers/apitest"
)

// This example is an API that lets three requests to each path through, and no more.
func ExampleNewServer() {
	used := map[string]int{}
	srv := apitest.NewServer(nil, func(c *apitest.Call) apitest.Answer {
		path := c.Request.URL.Path
		if used[path] == 3 {
			answer := apitest.Text(http.StatusTooManyRequests, "text/plain", "no more")
			answer.Buckets, answer.RefusedBy = []string{path}, path
			return answer
		}
		used[path]++
		answer := apitest.Reply(http.StatusOK, map[string]int{"left": 3 - used[path]})
		answer.Buckets = []string{path}
		return answer
	})
	defer srv.Close()

	for range 4 {
		resp, err := srv.Client().Get("https://api.example/things")
		if err != nil {
			fmt.Println(err)
			return
		}
		resp.Body.Close()
	}
	r := srv.Report()
	fmt.Println(r.Calls, "calls,", r.OK, "processed, refused:", r.RefusedBy)
	// Output: 4 calls, 3 processed, refused: map[/things:1]
}

// This example loses the answer to a request that was processed.
func ExampleFault() {
	srv := apitest.NewServer(&apitest.Options{Fault: func(*http.Request) apitest.Fault {
		return apitest.Fault{Drop: true, Processed: true}
	}}, func(*apitest.Call) apitest.Answer { return apitest.Answer{} })
	defer srv.Close()

	_, err := srv.Client().Post("https://api.example/things", "text/plain", http.NoBody)
	fmt.Println("there is an error:", err != nil)
	for _, d := range srv.Delivered() {
		fmt.Println("processed:", d.Method, d.Path)
	}
	// Output:
	// there is an error: true
	// processed: POST /things
}
