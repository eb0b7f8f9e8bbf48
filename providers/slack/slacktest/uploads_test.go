package slacktest_test

import (
	"crypto/sha256"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/underlimit/underlimit/providers/slack/slacktest"
)

// announced makes the first step of an upload and returns where the second goes, and the ID.
func announced(t *testing.T, c *http.Client, length int) (uploadURL, id string) {
	t.Helper()
	_, body := call(t, c, "files.getUploadURLExternal", fmt.Sprintf("filename=f.txt&length=%d", length))
	answer := parsed(t, body)
	uploadURL, _ = answer["upload_url"].(string)
	id, _ = answer["file_id"].(string)
	return uploadURL, id
}

const multi = "--b\r\nContent-Disposition: form-data; name=x\r\n\r\nxxx\r\n" +
	"--b\r\nContent-Disposition: form-data; name=file; filename=f\r\n\r\nhello\r\n--b--\r\n"

func TestAFileIsUploadedInThreeSteps(t *testing.T) {
	for mediaType, body := range map[string]string{
		"text/plain": "hello", "multipart/form-data; boundary=b": multi,
	} {
		bubble(t, nil, func(t *testing.T, srv *slacktest.Server, c *http.Client) {
			u, id := announced(t, c, 5)
			_, text := send(t, c, u, mediaType, body)
			expect(t, "answer", text, "OK - 5")
			_, text = call(t, c, "files.completeUploadExternal",
				"channel_id=C1&channels=C2,C3&files="+url.QueryEscape(`[{"id":"`+id+`","title":"F"}]`))
			contains(t, "answer", text, `"files":[{"id":"`+id+`","title":"F"}]`)

			up := srv.Uploads()[0]
			sum := sha256.Sum256([]byte("hello"))
			expect(t, "channels", strings.Join(up.Channels, " "), "C1 C2 C3")
			up.Channels = nil
			expect(t, "the rest", fmt.Sprintf("%+v", up), fmt.Sprintf("%+v", slacktest.Upload{
				ID: id, Filename: "f.txt", Length: 5, Size: 5, SHA256: fmt.Sprintf("%x", sum), Complete: true,
			}))
			expect(t, "violations", srv.Report().ViolationCount, 0)
			resp, _ := post(t, c, "C3")
			expect(t, "status of a post to the same channel", resp.StatusCode, 429)
		})
	}
}

func TestAFileIsReadAsItComes(t *testing.T) {
	bubble(t, nil, func(t *testing.T, srv *slacktest.Server, c *http.Client) {
		u, _ := announced(t, c, 6)
		r, w := io.Pipe()
		go func() {
			for range 2 {
				_, _ = w.Write([]byte("abc"))
				time.Sleep(time.Second)
			}
			w.Close()
		}()
		go func() {
			time.Sleep(500 * time.Millisecond)
			expect(t, "bytes half way", srv.Uploaded(), int64(3))
		}()
		resp, err := c.Post(u, "text/plain", r)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		expect(t, "bytes", srv.Uploaded(), int64(6))
	})
}

func TestUploadsThatGoWrong(t *testing.T) {
	complete := func(t *testing.T, c *http.Client, files string) string {
		_, body := call(t, c, "files.completeUploadExternal", "files="+url.QueryEscape(files))
		return body
	}
	bubble(t, nil, func(t *testing.T, srv *slacktest.Server, c *http.Client) {
		_, body := call(t, c, "files.getUploadURLExternal", "filename=f&length=0")
		contains(t, "body without a length", body, "invalid_arguments")
		u, id := announced(t, c, 5)
		contains(t, "body too early", complete(t, c, `[{"id":"`+id+`"}]`), "file_not_found")
		resp, _ := send(t, c, u, "text/plain", "hell")
		expect(t, "status of half a file", resp.StatusCode, 404)
		resp, _ = send(t, c, u, "text/plain", "hello")
		expect(t, "status", resp.StatusCode, 200)
		resp, _ = send(t, c, u, "text/plain", "hello")
		expect(t, "status of a second use", resp.StatusCode, 404)
		contains(t, "body without files", complete(t, c, `[]`), "invalid_arguments")
		contains(t, "body", complete(t, c, `[{"id":"`+id+`"}]`), `"ok":true`)
		contains(t, "body of a second call", complete(t, c, `[{"id":"`+id+`"}]`), "file_not_found")
		resp, _ = send(t, c, u+"x", "multipart/form-data; boundary=b", multi[:len(multi)-10])
		expect(t, "status of a broken form", resp.StatusCode, 400)
	})
}

func TestAnUploadCanBeRefused(t *testing.T) {
	bubble(t, &slacktest.Options{Refuse: func(r *http.Request, buckets []string) (string, time.Duration) {
		if strings.HasPrefix(r.URL.Path, "/upload/") {
			return buckets[0], time.Second
		}
		return "", 0
	}}, func(t *testing.T, srv *slacktest.Server, c *http.Client) {
		u, _ := announced(t, c, 5)
		resp, _ := send(t, c, u, "text/plain", "hello")
		expect(t, "status", resp.StatusCode, 429)
		expect(t, "refusals", srv.Report().RefusedBy["upload #1"], 1)
	})
}
