import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.DeserializationFeature;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.time.Instant;
import java.util.List;

/** LiveKit's Analytics API as public Java clients decode it: /sessions/ with a slash, longs from texts, ints, and times. */
public class Analytics {
  public static class Session {
    public String sessionId, roomName, createdAt, lastActive, endedAt;
    public long bandwidthIn, bandwidthOut;
    public int egress, numParticipants, numActiveParticipants;
  }

  public static class Page {
    public List<Session> sessions;
  }

  public static void main(String[] args) throws Exception {
    var request = HttpRequest.newBuilder(URI.create(System.getenv("ANALYTICS_URL") + "/"))
        .header("Authorization", "Bearer " + System.getenv("ANALYTICS_TOKEN"))
        .header("Content-Type", "application/json")
        .GET()
        .build();
    var answer = HttpClient.newHttpClient().send(request, HttpResponse.BodyHandlers.ofString());
    if (answer.statusCode() != 200) throw new IllegalStateException("answered " + answer.statusCode());
    var mapper = new ObjectMapper().configure(DeserializationFeature.FAIL_ON_UNKNOWN_PROPERTIES, true);
    var sessions = mapper.readValue(answer.body(), Page.class).sessions;
    for (var session : sessions) {
      if (Instant.parse(session.createdAt).isAfter(Instant.parse(session.lastActive))) {
        throw new IllegalStateException(session.sessionId + " was active before it was created");
      }
    }
    if (sessions.size() != 100 || sessions.get(1).egress != 2) throw new IllegalStateException("" + sessions.size());
    System.out.println("ok list");
  }
}
