// Answers with what the platform told it, and an id from a module of somebody else.
package main

import (
	"encoding/json"
	"log"
	"net/http"
	"os"

	"github.com/google/uuid"
)

func main() {
	port := os.Getenv("PORT")
	http.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		answer := map[string]string{"id": uuid.NewString(), "port": port}
		answer["dyno"], answer["release"] = os.Getenv("DYNO"), os.Getenv("HEROKU_RELEASE_VERSION")
		json.NewEncoder(w).Encode(answer)
	})
	log.Printf("listening on %s", port)
	log.Fatal(http.ListenAndServe(":"+port, nil))
}
