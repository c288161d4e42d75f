import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.StringTokenizer;
import org.apache.lucene.analysis.core.KeywordAnalyzer;
import org.apache.lucene.document.Document;
import org.apache.lucene.document.Field;
import org.apache.lucene.document.LongPoint;
import org.apache.lucene.document.StringField;
import org.apache.lucene.index.Term;
import org.apache.lucene.monitor.Monitor;
import org.apache.lucene.monitor.MonitorQuery;
import org.apache.lucene.monitor.MultipassTermFilteredPresearcher;
import org.apache.lucene.monitor.QueryMatch;
import org.apache.lucene.search.BooleanClause.Occur;
import org.apache.lucene.search.BooleanQuery;
import org.apache.lucene.search.IndexSearcher;
import org.apache.lucene.search.Query;
import org.apache.lucene.search.TermQuery;

/**
 * Lucene Monitor behind a pipe. Lines in: "queries N" and N queries; "documents N" and N documents, which replace the
 * former ones; "match FROM TO". Lines out: "ready" after each of the first two; for each document matched, the
 * nanoseconds and the keys of the queries that match.
 *
 * A query is "key expression", the expression in prefix form: "& n ..." all of n, "| n ..." any of n,
 * "[ field low high" a number, "= field n code ..." one of n codes, "! = ..." known and none of them.
 * A document is "field#number" and "field=code" by turns; what is unknown is left out.
 */
public final class MonitorHarness {
  private static final String KNOWN = "known";
  private static final int PASSES = 2;

  public static void main(String[] arguments) throws IOException {
    IndexSearcher.setMaxClauseCount(100_000);
    BufferedReader in = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
    List<Document> documents = new ArrayList<>();
    try (Monitor monitor =
        new Monitor(new KeywordAnalyzer(), new MultipassTermFilteredPresearcher(PASSES))) {
      for (String line = in.readLine(); line != null; line = in.readLine()) {
        StringTokenizer words = new StringTokenizer(line);
        String command = words.nextToken();
        int first = Integer.parseInt(words.nextToken());
        switch (command) {
          case "queries" -> register(monitor, in, first);
          case "documents" -> {
            documents.clear();
            for (int i = 0; i < first; i++) documents.add(document(new StringTokenizer(in.readLine())));
          }
          case "match" -> match(monitor, documents.subList(first, Integer.parseInt(words.nextToken())));
          default -> throw new IOException("no such command: " + line);
        }
        if (!command.equals("match")) System.out.println("ready");
        System.out.flush();
      }
    }
  }

  private static void register(Monitor monitor, BufferedReader in, int count) throws IOException {
    List<MonitorQuery> queries = new ArrayList<>();
    for (int i = 0; i < count; i++) {
      StringTokenizer words = new StringTokenizer(in.readLine());
      queries.add(new MonitorQuery(words.nextToken(), query(words)));
    }
    monitor.register(queries);
  }

  private static void match(Monitor monitor, List<Document> documents) throws IOException {
    StringBuilder out = new StringBuilder();
    for (Document document : documents) {
      long begun = System.nanoTime();
      var found = monitor.match(document, QueryMatch.SIMPLE_MATCHER).getMatches();
      out.append(System.nanoTime() - begun);
      for (QueryMatch each : found) out.append(' ').append(each.getQueryId());
      out.append('\n');
    }
    System.out.print(out);
  }

  private static Query query(StringTokenizer words) {
    String word = words.nextToken();
    return switch (word) {
      case "&", "|" -> {
        BooleanQuery.Builder parts = new BooleanQuery.Builder();
        int count = Integer.parseInt(words.nextToken());
        for (int i = 0; i < count; i++) parts.add(query(words), word.equals("&") ? Occur.MUST : Occur.SHOULD);
        yield parts.build();
      }
      case "!" -> {
        words.nextToken();
        String field = words.nextToken();
        yield new BooleanQuery.Builder()
            .add(new TermQuery(new Term(KNOWN, field)), Occur.MUST)
            .add(oneOf(field, words), Occur.MUST_NOT)
            .build();
      }
      case "[" -> {
        String field = words.nextToken();
        long low = Long.parseLong(words.nextToken());
        yield LongPoint.newRangeQuery(field, low, Long.parseLong(words.nextToken()));
      }
      case "=" -> oneOf(words.nextToken(), words);
      default -> throw new IllegalArgumentException("no such expression: " + word);
    };
  }

  private static Query oneOf(String field, StringTokenizer words) {
    BooleanQuery.Builder members = new BooleanQuery.Builder();
    int count = Integer.parseInt(words.nextToken());
    for (int i = 0; i < count; i++) members.add(new TermQuery(new Term(field, words.nextToken())), Occur.SHOULD);
    return members.build();
  }

  private static Document document(StringTokenizer words) {
    Document document = new Document();
    while (words.hasMoreTokens()) {
      String word = words.nextToken();
      int number = word.indexOf('#');
      int sign = number < 0 ? word.indexOf('=') : number;
      String field = word.substring(0, sign), value = word.substring(sign + 1);
      if (number >= 0) document.add(new LongPoint(field, Long.parseLong(value)));
      else document.add(new StringField(field, value, Field.Store.NO));
      document.add(new StringField(KNOWN, field, Field.Store.NO));
    }
    return document;
  }
}
