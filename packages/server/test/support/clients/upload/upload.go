// Posts a body so often, and prints how often each status came: URL TOKEN BYTES length|streamed TIMES
package main

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"strconv"
)

type zeros struct{}

func (zeros) Read(p []byte) (int, error) { return len(p), nil }

func main() {
	url, token, how := os.Args[1], os.Args[2], os.Args[4]
	size, _ := strconv.ParseInt(os.Args[3], 10, 64)
	times, _ := strconv.Atoi(os.Args[5])
	came := map[string]int{}
	for range times {
		request, _ := http.NewRequest("POST", url, io.LimitReader(zeros{}, size))
		if how == "length" {
			request.ContentLength = size
		}
		request.Header.Set("authorization", token)
		request.Header.Set("content-type", "application/json")
		answer, err := http.DefaultClient.Do(request)
		if err != nil {
			came[err.Error()]++
			continue
		}
		var body map[string]any
		if err := json.NewDecoder(answer.Body).Decode(&body); err != nil {
			came[err.Error()]++
		} else {
			came[strconv.Itoa(answer.StatusCode)]++
		}
		answer.Body.Close()
	}
	text, _ := json.Marshal(came)
	fmt.Println(string(text))
}
