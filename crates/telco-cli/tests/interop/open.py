"""Opens Kairos envelopes with Python's `cryptography`.

Arguments: the private key (PEM), and a file with a line for each envelope: padding, wrapped key, ciphertext, with tabs between.
Prints a line for each: the payload in base64.
"""

import base64
import hashlib
import sys

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding as pads
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.padding import PKCS7


def oaep(digest, mask):
    return pads.OAEP(mgf=pads.MGF1(mask()), algorithm=digest(), label=None)


PADDINGS = {
    "pkcs1v15": pads.PKCS1v15(),
    "oaep_sha1": oaep(hashes.SHA1, hashes.SHA1),
    "oaep_sha256": oaep(hashes.SHA256, hashes.SHA256),
    "oaep_sha256_java": oaep(hashes.SHA256, hashes.SHA1),
    "oaep_sha512": oaep(hashes.SHA512, hashes.SHA512),
    "oaep_sha512_java": oaep(hashes.SHA512, hashes.SHA1),
}

with open(sys.argv[1], "rb") as file:
    key = serialization.load_pem_private_key(file.read(), password=None)

with open(sys.argv[2], encoding="ascii") as file:
    for line in file:
        name, wrapped, value = line.rstrip("\n").split("\t")
        k64 = key.decrypt(base64.b64decode(wrapped, validate=True), PADDINGS[name])
        aes = Cipher(algorithms.AES(hashlib.sha256(k64).digest()[:16]), modes.ECB()).decryptor()
        padded = aes.update(base64.b64decode(value, validate=True)) + aes.finalize()
        unpadder = PKCS7(128).unpadder()
        text = unpadder.update(padded) + unpadder.finalize()
        print(base64.b64encode(base64.b64decode(text, validate=True)).decode())
