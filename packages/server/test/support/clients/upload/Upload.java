import java.io.IOException;
import java.io.InputStream;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublisher;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse.BodyHandlers;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.Collectors;

/** Posts a body so often, and prints how often each status came: URL TOKEN BYTES length|streamed TIMES */
class Upload {
  public static void main(String[] args) throws Exception {
    int size = Integer.parseInt(args[2]);
    HttpClient client = HttpClient.newBuilder().version(HttpClient.Version.HTTP_1_1).build();
    Map<String, Integer> came = new TreeMap<>();
    for (int i = 0; i < Integer.parseInt(args[4]); i++) {
      BodyPublisher body =
          args[3].equals("length")
              ? BodyPublishers.ofByteArray(new byte[size])
              : BodyPublishers.ofInputStream(() -> new Zeros(size));
      HttpRequest request =
          HttpRequest.newBuilder(URI.create(args[0]))
              .header("authorization", args[1])
              .header("content-type", "application/json")
              .POST(body)
              .build();
      try {
        came.merge("" + client.send(request, BodyHandlers.ofString()).statusCode(), 1, Integer::sum);
      } catch (IOException error) {
        came.merge(error.toString(), 1, Integer::sum);
      }
    }
    System.out.println(
        came.entrySet().stream()
            .map(one -> "\"" + one.getKey() + "\":" + one.getValue())
            .collect(Collectors.joining(",", "{", "}")));
  }

  private static class Zeros extends InputStream {
    private int left;

    Zeros(int size) {
      left = size;
    }

    @Override
    public int read() {
      return left-- > 0 ? 0 : -1;
    }

    @Override
    public int read(byte[] into, int from, int length) {
      if (left <= 0) return -1;
      int read = Math.min(left, length);
      left -= read;
      return read;
    }
  }
}
