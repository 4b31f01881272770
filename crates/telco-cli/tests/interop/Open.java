// Opens Kairos envelopes with the Java platform alone, as the provider's server would.
//
// Arguments: the private key (PEM), and a file with a line for each envelope: padding, wrapped key, ciphertext, with tabs between.
// Prints a line for each: the payload in base64.

import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.KeyFactory;
import java.security.MessageDigest;
import java.security.PrivateKey;
import java.security.spec.MGF1ParameterSpec;
import java.security.spec.PKCS8EncodedKeySpec;
import java.util.Arrays;
import java.util.Base64;
import javax.crypto.Cipher;
import javax.crypto.spec.OAEPParameterSpec;
import javax.crypto.spec.PSource;
import javax.crypto.spec.SecretKeySpec;

public class Open {
    public static void main(String[] args) throws Exception {
        String pem = Files.readString(Path.of(args[0]));
        String body = pem.replaceAll("-----[A-Z ]+-----", "").replaceAll("\\s", "");
        PrivateKey key = KeyFactory.getInstance("RSA")
            .generatePrivate(new PKCS8EncodedKeySpec(Base64.getDecoder().decode(body)));
        for (String line : Files.readAllLines(Path.of(args[1]))) {
            String[] parts = line.split("\t");
            byte[] k64 = rsa(parts[0], key).doFinal(Base64.getDecoder().decode(parts[1]));
            byte[] digest = MessageDigest.getInstance("SHA-256").digest(k64);
            Cipher aes = Cipher.getInstance("AES/ECB/PKCS5Padding");
            aes.init(Cipher.DECRYPT_MODE, new SecretKeySpec(Arrays.copyOf(digest, 16), "AES"));
            byte[] text = aes.doFinal(Base64.getDecoder().decode(parts[2]));
            byte[] payload = Base64.getDecoder().decode(new String(text, StandardCharsets.US_ASCII));
            System.out.println(Base64.getEncoder().encodeToString(payload));
        }
    }

    /** The names ending in _java are what the platform does when nobody gives it parameters: it masks with SHA-1. */
    static Cipher rsa(String padding, PrivateKey key) throws Exception {
        switch (padding) {
            case "pkcs1v15": return plain("RSA", key);
            case "oaep_sha1": return plain("RSA/ECB/OAEPPadding", key);
            case "oaep_sha256_java": return plain("RSA/ECB/OAEPWithSHA-256AndMGF1Padding", key);
            case "oaep_sha512_java": return plain("RSA/ECB/OAEPWithSHA-512AndMGF1Padding", key);
            case "oaep_sha256": return oaep("SHA-256", MGF1ParameterSpec.SHA256, key);
            case "oaep_sha512": return oaep("SHA-512", MGF1ParameterSpec.SHA512, key);
            default: throw new IllegalArgumentException(padding);
        }
    }

    static Cipher plain(String transformation, PrivateKey key) throws Exception {
        Cipher rsa = Cipher.getInstance(transformation);
        rsa.init(Cipher.DECRYPT_MODE, key);
        return rsa;
    }

    static Cipher oaep(String digest, MGF1ParameterSpec mask, PrivateKey key) throws Exception {
        Cipher rsa = Cipher.getInstance("RSA/ECB/OAEPPadding");
        rsa.init(Cipher.DECRYPT_MODE, key, new OAEPParameterSpec(digest, "MGF1", mask, PSource.PSpecified.DEFAULT));
        return rsa;
    }
}
